//! Ours holds in every order; each of the others serves the past in one that is found.

use stateright::{Checker, HasDiscoveries, Model};

use super::promises::{ANSWERED, ANSWERED_HERE, LOST, READ_TOKEN};
use super::{Machine, Scheme};

/// Two writers, two servers, polls, fills and reads.
const PLAIN: Machine = Machine {
    scheme: Scheme::Ours,
    polls_max: 2,
    fills_max: 1,
    restarts_max: 0,
    failovers_max: 0,
    cleanings_max: 0,
};

/// A second entry, for who has seen the first.
const AGAIN: Machine = Machine { fills_max: 2, polls_max: 1, ..PLAIN };
const FAILOVER: Machine = Machine { failovers_max: 1, ..PLAIN };
const RESTART: Machine = Machine { restarts_max: 1, ..PLAIN };
const CLEANING: Machine = Machine { cleanings_max: 1, ..PLAIN };
/// What a second process finds, which hears nothing but what is there when it begins.
const SUCCESSOR: Machine = Machine { restarts_max: 1, cleanings_max: 1, polls_max: 1, ..PLAIN };

#[track_caller]
fn holds(machine: Machine, states_min: usize) {
    let checker = machine.checker().spawn_bfs().join();
    checker.assert_properties();
    let states = checker.unique_state_count();
    // A machine that stopped half way would hold as well.
    assert!(states >= states_min, "only {states} states");
}

#[track_caller]
fn fails(machine: Machine, scheme: Scheme, property: &'static str) {
    let machine = Machine { scheme, ..machine };
    let found = HasDiscoveries::AnyOf([property].into());
    let checker = machine.checker().finish_when(found).spawn_bfs().join();
    let path = checker.assert_any_discovery(property);
    // Shown when a test runs with --nocapture: the shortest way to serve the past.
    println!("{scheme:?}: {:?}", path.into_actions());
}

#[test]
fn ours_holds_in_every_order() {
    holds(PLAIN, 55_000);
}

#[test]
fn ours_holds_from_one_entry_to_the_next() {
    holds(AGAIN, 179_000);
}

#[test]
fn ours_holds_through_a_failover() {
    holds(FAILOVER, 270_000);
}

#[test]
fn ours_holds_through_a_restart() {
    holds(RESTART, 141_000);
}

#[test]
fn ours_holds_while_changes_are_cleaned_away() {
    holds(CLEANING, 424_000);
}

#[test]
fn ours_holds_for_who_begins_after_changes_were_cleaned_away() {
    holds(SUCCESSOR, 504_000);
}

#[test]
fn deleting_on_write_puts_the_past_back() {
    fails(PLAIN, Scheme::DeleteOnWrite, ANSWERED);
}

#[test]
fn a_wal_position_says_too_much_of_the_primary() {
    fails(PLAIN, Scheme::WalPosition, ANSWERED);
}

#[test]
fn a_standbys_empty_list_says_too_much() {
    fails(PLAIN, Scheme::StandbyAtItsWord, ANSWERED);
}

#[test]
fn a_snapshot_of_a_later_statement_says_too_much() {
    fails(PLAIN, Scheme::SnapshotLater, ANSWERED);
}

#[test]
fn ids_above_the_highest_miss_one_that_commits_late() {
    fails(PLAIN, Scheme::HighestId, ANSWERED);
}

#[test]
fn an_unnoticed_gap_misses_what_was_cleaned_away() {
    fails(CLEANING, Scheme::GapUnnoticed, ANSWERED);
}

#[test]
fn who_begins_must_not_take_what_is_left_for_all() {
    fails(SUCCESSOR, Scheme::CleanedUnnoticed, ANSWERED);
}

#[test]
fn own_writes_must_not_wait_for_the_poll() {
    fails(PLAIN, Scheme::OwnUnrecorded, ANSWERED_HERE);
}

#[test]
fn without_an_epoch_what_a_failover_lost_is_served() {
    fails(FAILOVER, Scheme::NoEpoch, LOST);
}

#[test]
fn an_own_write_must_say_its_life() {
    fails(FAILOVER, Scheme::OwnOfAnyLife, ANSWERED_HERE);
}

#[test]
fn an_old_answer_must_not_bring_an_epoch_back() {
    fails(FAILOVER, Scheme::OldAnswers, ANSWERED_HERE);
}

#[test]
fn the_epoch_of_the_put_covers_for_a_lost_read() {
    fails(FAILOVER, Scheme::EpochOfPut, LOST);
}

#[test]
fn a_standbys_least_is_too_little_for_a_token() {
    fails(AGAIN, Scheme::StandbyTokenLeast, READ_TOKEN);
}

#[test]
fn a_snapshot_of_an_earlier_statement_is_too_little_for_a_token() {
    fails(AGAIN, Scheme::SnapshotEarlier, READ_TOKEN);
}
