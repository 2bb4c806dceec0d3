//! The example that comes with the server: a city's shared bicycles, as a contract and as SQL.
//!
//! All of it is in the binary, so that it serves with no file at hand.

/// The same rows on every machine: all numbers come from arithmetic on counters.
pub const LOAD: &str = concat!(
    include_str!("1_structure.sql"),
    include_str!("2_network.sql"),
    include_str!("3_fleet.sql"),
    include_str!("4_riders.sql"),
    include_str!("5_trips.sql"),
    include_str!("6_finish.sql"),
);

/// The contract's files, by the path that their own imports name them with; the query's file stands beside them.
pub const CONTRACT: [(&str, &str); 6] = [
    ("example/v1/fleet.proto", include_str!("../../../proto/example/v1/fleet.proto")),
    ("example/v1/leaders.sql", include_str!("../../../proto/example/v1/leaders.sql")),
    ("example/v1/network.proto", include_str!("../../../proto/example/v1/network.proto")),
    ("example/v1/resources.proto", include_str!("../../../proto/example/v1/resources.proto")),
    ("example/v1/riders.proto", include_str!("../../../proto/example/v1/riders.proto")),
    ("example/v1/workshop.proto", include_str!("../../../proto/example/v1/workshop.proto")),
];

/// The contract's files, and the SQL that loads its database.
pub fn example() -> (Vec<(&'static str, &'static str)>, &'static str) {
    (CONTRACT.to_vec(), LOAD)
}

#[cfg(test)]
mod tests;
