//! The schema `rowcall` → the statements that make, upgrade and remove it.
//!
//! It is made by the role that owns the tables, whose rights its functions have; nobody else may do anything with it that
//! is not granted here.

use crate::sql::Identifier;

/// What this Rowcall installs and reads. Each version has its statements in `UPGRADES`.
pub const VERSION: i32 = UPGRADES.len() as i32;

/// From nothing to 1, from 1 to 2, and so on; statements stand between empty lines. The first names the version it is of, each
/// later one has to set it.
const UPGRADES: [&str; 1] = [include_str!("statements/schema.sql")];

/// Which version there is, as a table of one row or none; fails without the table.
pub const INSTALLED: &str = "SELECT version FROM rowcall.state";

/// Which life of the database it is: an expression. A crash and a promotion forget it, until a feed begins another.
pub const NONCE: &str = "SELECT e.nonce FROM rowcall.epoch e";

/// The same where the table of it is not to be read: standbys know it as well, and a promotion does not forget it.
pub const LIFE: &str = "SELECT s.life FROM rowcall.state s";

/// What brings the schema from a version, or from nothing, to this one.
pub fn upgrade(from: Option<i32>) -> Vec<String> {
    let known = usize::try_from(from.unwrap_or(0)).unwrap_or(0).min(UPGRADES.len());
    UPGRADES[known..].iter().flat_map(|text| statements(text)).collect()
}

/// What a role needs that serves, and is not the one that migrates.
pub fn grants(role: &Identifier) -> Vec<String> {
    vec![
        format!("GRANT USAGE ON SCHEMA rowcall TO {role}"),
        format!("GRANT SELECT ON ALL TABLES IN SCHEMA rowcall TO {role}"),
        format!(
            "GRANT EXECUTE ON FUNCTION rowcall.begin_epoch(uuid), rowcall.clean(interval, int) TO {role}"
        ),
    ]
}

fn statements(text: &str) -> impl Iterator<Item = String> {
    let texts = text.split(";\n\n").map(|text| text.trim().trim_end_matches(';'));
    texts.filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_taken_apart_whole() {
        let all = upgrade(None);
        assert!(all.len() > 8);
        for statement in &all {
            let first = statement.split(' ').next().unwrap_or_default();
            assert!(["CREATE", "COMMENT", "REVOKE", "INSERT"].contains(&first), "{statement}");
            assert_eq!(statement.matches("$$").count() % 2, 0, "{statement}");
        }
    }

    #[test]
    fn an_upgrade_begins_where_the_schema_is() {
        assert_eq!(upgrade(Some(VERSION)), Vec::<String>::new());
        assert_eq!(upgrade(Some(VERSION + 1)), Vec::<String>::new());
    }
}
