//! What a server says its snapshot is → what its answers show, at least and at most.

use super::{Error, Snapshot};

/// What an answer was read with: it shows all of `least` and nothing beyond `most`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seen {
    least: Snapshot,
    /// None is `least`.
    most: Option<Box<Snapshot>>,
}

impl Seen {
    /// What `pg_current_snapshot()` of the primary says in the statement before the one that read the data, and in the one
    /// behind it, all in one round trip; the same text twice from the statement itself, or from its REPEATABLE READ
    /// transaction. From a later one alone it proves what was not shown; from an earlier one alone it proves enough, and a
    /// token made of it asks for too little.
    pub fn of_primary(first: &str, last: &str) -> Result<Self, Error> {
        let least = first.parse()?;
        let most = if first == last { None } else { Some(Box::new(last.parse()?)) };
        Ok(Seen { least, most })
    }

    /// The same from a standby, whose in-progress list is not to be taken for all that is in progress. All below the first
    /// xmin is visible; none from the last xmax on, and none of what the last one lists, which was in progress still after the
    /// data was read. What else lies between is unknown: not to be counted on when proving the answer fresh, and not to be
    /// left out when saying what its reader has seen. Without the list a token would ask for a transaction that stays open.
    pub fn of_standby(first: &str, last: &str) -> Result<Self, Error> {
        let (first, last): (Snapshot, Snapshot) = (first.parse()?, last.parse()?);
        Ok(Seen { least: Snapshot::below(first.xmin()), most: Some(last.into()) })
    }

    pub fn exactly(snapshot: Snapshot) -> Self {
        Seen { least: snapshot, most: None }
    }

    /// Whether it is known to the last transaction what was visible.
    pub fn exact(&self) -> bool {
        self.most.is_none()
    }

    /// Of an answer that another process read. None when the two contradict each other.
    pub(super) fn between(least: Snapshot, most: Snapshot) -> Option<Self> {
        least.within(&most).then(|| Seen { most: (most != least).then(|| most.into()), least })
    }

    /// What proves an answer fresh.
    pub fn least(&self) -> &Snapshot {
        &self.least
    }

    /// What the token of an answer asks of later reads.
    pub fn most(&self) -> &Snapshot {
        self.most.as_deref().unwrap_or(&self.least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_is_taken_at_its_word() {
        let said = "754:758:754,756";
        let seen = Seen::of_primary(said, said).expect("Postgres says so");
        assert_eq!((seen.least().to_string(), seen.most()), (said.into(), seen.least()));
    }

    #[test]
    fn between_two_statements_more_may_have_become_visible() {
        let seen = Seen::of_primary("754:758:754", "758:759:").expect("Postgres says so");
        assert_eq!(
            (seen.least().to_string(), seen.most().to_string()),
            ("754:758:754".into(), "758:759:".into())
        );
        assert!(seen.least().within(seen.most()));
    }

    #[test]
    fn a_standby_counts_for_less_and_may_have_shown_more() {
        let seen = Seen::of_standby("754:758:", "756:759:757").expect("Postgres says so");
        assert_eq!(seen.least().to_string(), "754:754:");
        let shown = |xid| seen.most().sees(crate::cache::Xid(xid));
        assert_eq!([754, 756, 757, 758, 759].map(shown), [true, true, false, true, false]);
        assert!(seen.least().within(seen.most()));
    }

    #[test]
    fn what_is_shown_at_least_is_within_what_is_shown_at_most() {
        let snapshot = |text: &str| text.parse::<Snapshot>().expect("Postgres says so");
        let (less, more) = (snapshot("754:758:754"), snapshot("758:759:"));
        assert_eq!(
            Seen::between(less.clone(), more.clone()),
            Some(Seen::of_primary("754:758:754", "758:759:").expect("Postgres says so"))
        );
        assert_eq!(Seen::between(more.clone(), more.clone()), Some(Seen::exactly(more.clone())));
        assert_eq!(Seen::between(more, less), None);
    }

    #[test]
    fn a_damaged_text_is_an_error() {
        assert!(Seen::of_primary("754", "754").is_err());
        assert!(Seen::of_primary("5:5:", "754").is_err());
        assert!(Seen::of_standby("754:753:", "5:5:").is_err());
    }
}
