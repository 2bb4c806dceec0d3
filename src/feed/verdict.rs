//! What the catalog says of a table, beside what its triggers have to tell → how it is followed.

use super::following::{Mode, Why};
use super::poll::{Facts, RelationFacts};
use super::recorded::Recorded;
use super::trigger::{TRIGGERS, words};

/// Of a table; of a partitioned one, all of its partitions have their say.
pub fn of_table(facts: &Facts, recorded: &Recorded) -> Mode {
    let relations = facts.relations.as_deref().unwrap_or_default();
    if relations.is_empty() {
        return Mode::Untracked(Why::Gone);
    }
    let why = relations.iter().filter_map(|relation| doubt(relation, recorded)).min();
    why.map_or(Mode::Tracked, Mode::Untracked)
}

/// Of a view: its tables are followed by themselves.
pub fn of_view(facts: &Facts) -> Mode {
    let relations = facts.relations.as_deref().unwrap_or_default();
    match relations {
        [relation] if relation.kind == 'v' => Mode::Tracked,
        _ => Mode::Untracked(Why::Gone),
    }
}

fn doubt(relation: &RelationFacts, recorded: &Recorded) -> Option<Why> {
    if relation.kind == 'f' {
        return Some(Why::Foreign);
    }
    if relation.row_security {
        return Some(Why::RowSecurity);
    }
    if relation.subscribed {
        return Some(Why::Subscription);
    }
    let state = |name: &str| relation.triggers.iter().find(|(has, _)| has == name).map(|(_, state)| *state);
    let states: Vec<Option<char>> = TRIGGERS.iter().map(|(name, _)| state(name)).collect();
    if states.contains(&None) {
        return Some(Why::TriggerMissing);
    }
    if states.iter().any(|state| *state != Some('A')) {
        return Some(Why::TriggerDisabled);
    }
    let (key, parts) = words(recorded);
    let tells = relation
        .told
        .as_ref()
        .is_some_and(|told| told.key == key && parts.iter().all(|part| told.parts.contains(part)));
    (!tells).then_some(Why::Outdated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{Form, Told};
    use crate::sql::Identifier;

    fn told(attnum: i16, name: &str) -> Told {
        Told { attnum, name: Identifier::new(name), form: Form::Int8 }
    }

    fn recorded() -> Recorded {
        let (schema, name) = (Identifier::new("public"), Identifier::new("track"));
        Recorded { table: 1, schema, name, key: vec![told(1, "id")], parts: vec![told(2, "album")] }
    }

    fn mode(change: impl Fn(&mut RelationFacts)) -> Mode {
        let (key, parts) = words(&recorded());
        let mut child = RelationFacts {
            name: "public.track".into(),
            kind: 'r',
            row_security: false,
            subscribed: false,
            triggers: TRIGGERS.iter().map(|(name, _)| ((*name).to_owned(), 'A')).collect(),
            told: Some(super::super::poll::ToldFacts { key, parts }),
        };
        let root = child.clone();
        change(&mut child);
        let relations = Some(vec![root, child]);
        of_table(
            &Facts {
                root: 1,
                print: String::new(),
                mark: String::new(),
                proves: true,
                newer: false,
                relations,
            },
            &recorded(),
        )
    }

    #[test]
    fn one_relation_that_is_not_told_of_is_enough() {
        assert_eq!(mode(|_| {}), Mode::Tracked);
        for (why, change) in [
            (Why::TriggerMissing, (|r| drop(r.triggers.pop())) as fn(&mut RelationFacts)),
            (Why::TriggerDisabled, |r| r.triggers[1].1 = 'D'),
            // Not for what a replica's session writes.
            (Why::TriggerDisabled, |r| r.triggers[0].1 = 'O'),
            (Why::Outdated, |r| r.told = None),
            (Why::Subscription, |r| r.subscribed = true),
            (Why::RowSecurity, |r| r.row_security = true),
            (Why::Foreign, |r| r.kind = 'f'),
        ] {
            assert_eq!(mode(change), Mode::Untracked(why));
        }
    }

    #[test]
    fn triggers_may_tell_more_than_is_asked() {
        let more = |r: &mut RelationFacts| r.told.as_mut().expect("some").parts.push("3 Int8 other".into());
        assert_eq!(mode(more), Mode::Tracked);
        let less = |r: &mut RelationFacts| r.told.as_mut().expect("some").parts.clear();
        assert_eq!(mode(less), Mode::Untracked(Why::Outdated));
        let renamed = |r: &mut RelationFacts| r.told.as_mut().expect("some").key = vec!["1 Int8 key".into()];
        assert_eq!(mode(renamed), Mode::Untracked(Why::Outdated));
    }

    #[test]
    fn a_table_without_relations_is_gone() {
        let facts = Facts {
            root: 1,
            print: String::new(),
            mark: String::new(),
            proves: true,
            newer: false,
            relations: None,
        };
        assert_eq!(of_table(&facts, &recorded()), Mode::Untracked(Why::Gone));
        assert_eq!(of_view(&facts), Mode::Untracked(Why::Gone));
    }
}
