//! What a server says its snapshot is → what its answers show, at least and at most.

use super::{Error, Snapshot};

/// What an answer was read with: it shows all of `least` and nothing beyond `most`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seen {
    least: Snapshot,
    /// None is `least`.
    most: Option<Snapshot>,
}

impl Seen {
    /// `text` is `pg_current_snapshot()` of the primary, from the statement that read the data, or its REPEATABLE READ
    /// transaction. From a later one it proves what was not shown; from an earlier one it proves enough, and a token made of
    /// it asks for too little.
    pub fn of_primary(text: &str) -> Result<Self, Error> {
        Ok(Seen::exactly(text.parse()?))
    }

    /// `text` is the same from a standby, which says an empty in-progress list whatever is in progress. All below
    /// xmin is visible, none from xmax on, and what lies between is unknown: not to be counted on when proving
    /// the answer fresh, and not to be left out when saying what its reader has seen.
    pub fn of_standby(text: &str) -> Result<Self, Error> {
        let said: Snapshot = text.parse()?;
        Ok(Seen { least: Snapshot::below(said.xmin()), most: Some(Snapshot::below(said.xmax())) })
    }

    pub fn exactly(snapshot: Snapshot) -> Self {
        Seen { least: snapshot, most: None }
    }

    /// What proves an answer fresh.
    pub fn least(&self) -> &Snapshot {
        &self.least
    }

    /// What the token of an answer asks of later reads.
    pub fn most(&self) -> &Snapshot {
        self.most.as_ref().unwrap_or(&self.least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_is_taken_at_its_word() {
        let seen = Seen::of_primary("754:758:754,756").expect("Postgres says so");
        assert_eq!((seen.least().to_string(), seen.most()), ("754:758:754,756".into(), seen.least()));
    }

    #[test]
    fn a_standby_counts_for_less_and_may_have_shown_more() {
        let seen = Seen::of_standby("754:758:").expect("Postgres says so");
        assert_eq!(seen.least().to_string(), "754:754:");
        assert_eq!(seen.most().to_string(), "758:758:");
        assert!(seen.least().within(seen.most()));
    }

    #[test]
    fn a_damaged_text_is_an_error() {
        assert!(Seen::of_primary("754").is_err());
        assert!(Seen::of_standby("754:753:").is_err());
    }
}
