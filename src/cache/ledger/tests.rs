//! The rule line by line, and its shortcuts against a memory that forgets nothing.

mod memory;

use super::*;
use crate::cache::Seen;

const TABLE: Oid = 16_384;
const LAG: Duration = Duration::from_secs(1);
const EPOCH: Epoch = Epoch(1);

struct Feed {
    ledger: Ledger,
    started: Instant,
}

fn snapshot(text: &str) -> Snapshot {
    text.parse().expect("a snapshot")
}

fn label_of(epoch: Epoch, text: &str, tags: &[Tag]) -> Label {
    Label::new(epoch, Seen::exactly(snapshot(text)), tags).expect("it has tags")
}

fn get(key: &[u8], text: &str) -> Label {
    label_of(EPOCH, text, &Tag::of_get(TABLE, key))
}

impl Feed {
    /// Follows since 100:100:, asked at the start.
    fn new(limits: Limits) -> Self {
        let started = Instant::now();
        let feed = Feed { ledger: Ledger::new(limits, started), started };
        feed.reset(EPOCH, "100:100:");
        feed
    }

    fn at(&self, milliseconds: u64) -> Instant {
        self.started + Duration::from_millis(milliseconds)
    }

    fn poll(&self, text: &str, changes: &[(u64, &[u8])], milliseconds: u64) -> Poll {
        let changes =
            changes.iter().map(|(xid, key)| (Xid(*xid), Tag::touched_by_row(TABLE, key).to_vec())).collect();
        Poll { asked: self.ledger.ask(self.at(milliseconds)), snapshot: snapshot(text), changes }
    }

    fn reset(&self, epoch: Epoch, text: &str) {
        self.ledger.reset(&self.asked(), epoch, snapshot(text)).expect("it was just asked");
    }

    fn asked(&self) -> Asked {
        self.ledger.ask(self.started)
    }

    fn hears(&self, text: &str, changes: &[(u64, &[u8])]) {
        self.ledger.heard(self.poll(text, changes, 0)).expect("the poll follows the one before");
    }

    fn judge(&self, label: &Label) -> Verdict {
        self.ledger.judge(label, Want { max_lag: LAG, token: None }, self.started)
    }

    fn judge_with(&self, label: &Label, token: &Token) -> Verdict {
        self.ledger.judge(label, Want { max_lag: LAG, token: Some(token) }, self.started)
    }
}

impl Default for Feed {
    fn default() -> Self {
        Feed::new(Limits::default())
    }
}

#[test]
fn several_entries_are_one_answer_only_when_they_show_one_state() {
    let feed = Feed::default();
    let together = |labels: &[&Label]| {
        let want = Want { max_lag: LAG, token: None };
        feed.ledger.judge_together(labels.iter().copied(), want, feed.started)
    };
    let (one, other) = (get(b"1", "100:100:"), get(b"2", "100:100:"));
    assert_eq!(together(&[&one, &other]), Verdict::Good, "the feed has come to where they are");
    // The second may show a transaction that changed both, and the feed has not heard of it.
    let later = get(b"2", "100:103:101");
    assert_eq!(together(&[&later]), Verdict::Good);
    assert_eq!(together(&[&one, &later]), Verdict::Apart);
    assert_eq!(together(&[&get(b"1", "100:103:101"), &later]), Verdict::Good, "one snapshot is one state");
    feed.hears("103:103:", &[]);
    assert_eq!(together(&[&one, &later]), Verdict::Good, "by now it is known that nothing changed them");
    feed.hears("104:104:", &[(103, b"1")]);
    assert_eq!(together(&[&one, &later]), Verdict::Stale);
}

#[test]
fn what_changed_since_it_was_read_is_stale() {
    let feed = Feed::default();
    let (same, other) = (get(b"1", "100:100:"), get(b"2", "100:100:"));
    let list = label_of(EPOCH, "100:100:", &Tag::of_list(TABLE));
    for label in [&same, &other, &list] {
        assert_eq!(feed.judge(label), Verdict::Good);
    }
    feed.hears("101:101:", &[(100, b"1")]);
    assert_eq!(feed.judge(&same), Verdict::Stale);
    assert_eq!(feed.judge(&list), Verdict::Stale);
    assert_eq!(feed.judge(&other), Verdict::Good);
    assert_eq!(feed.judge(&get(b"1", "101:101:")), Verdict::Good);
}

#[test]
fn an_old_id_that_commits_late_makes_stale_what_was_read_before() {
    let feed = Feed::default();
    let label = get(b"1", "100:105:100");
    feed.hears("100:110:100", &[(104, b"1")]);
    assert_eq!(feed.judge(&label), Verdict::Good);
    feed.hears("110:110:", &[(100, b"1")]);
    assert_eq!(feed.judge(&label), Verdict::Stale);
}

#[test]
fn a_standbys_answer_serves_while_nothing_it_may_lack_touches_it() {
    let feed = Feed::default();
    let standby = |key: &[u8]| {
        let seen = Seen::of_standby("101:104:", "101:104:").expect("a standby's");
        Label::new(EPOCH, seen, Tag::of_get(TABLE, key)).expect("it has tags")
    };
    feed.hears("101:104:101", &[(102, b"1")]);
    assert_eq!(feed.judge(&standby(b"2")), Verdict::Good);
    assert_eq!(feed.judge(&standby(b"1")), Verdict::Stale);
}

#[test]
fn a_write_of_ours_is_known_at_once() {
    let feed = Feed::default();
    let label = get(b"1", "100:100:");
    assert_eq!(feed.judge(&label), Verdict::Good);
    feed.ledger.wrote(EPOCH, Xid(100), &Tag::touched_by_row(TABLE, b"1"));
    assert_eq!(feed.judge(&label), Verdict::Stale);
    // A fill that began before the write and was joined after.
    assert_eq!(feed.judge(&get(b"1", "100:101:100")), Verdict::Stale);
    assert_eq!(feed.judge(&get(b"1", "101:101:")), Verdict::Good);
}

#[test]
fn an_old_feed_proves_nothing_however_often_it_did() {
    let feed = Feed::default();
    let label = get(b"1", "100:100:");
    let judge = |lag, at| feed.ledger.judge(&label, Want { max_lag: lag, token: None }, feed.at(at));
    assert_eq!(judge(LAG, 1_000), Verdict::Good);
    assert_eq!(judge(LAG, 1_001), Verdict::FeedOld);
    assert_eq!(judge(LAG / 2, 501), Verdict::FeedOld);
    feed.ledger.heard(feed.poll("100:100:", &[], 900)).expect("it follows");
    assert_eq!(judge(LAG, 1_900), Verdict::Good);
    assert_eq!(judge(LAG, 1_901), Verdict::FeedOld);
}

#[test]
fn a_token_is_waited_for_unless_the_entry_or_the_feed_shows_it() {
    let feed = Feed::default();
    let (old, new) = (get(b"1", "100:100:"), get(b"1", "103:103:"));
    let (write, read) = (Token::wrote(EPOCH, Xid(102)), Token::read(EPOCH, snapshot("103:103:")));
    for token in [&write, &read] {
        assert_eq!(feed.judge_with(&old, token), Verdict::TokenAhead);
        assert_eq!(feed.judge_with(&new, token), Verdict::Good);
    }
    feed.hears("103:103:", &[(102, b"2")]);
    for token in [&write, &read] {
        assert_eq!(feed.judge_with(&old, token), Verdict::Good);
    }
    assert_eq!(feed.judge_with(&old, &Token::wrote(Epoch(2), Xid(102))), Verdict::OtherEpoch);
}

#[test]
fn nothing_is_served_from_before_a_gap() {
    let feed = Feed::default();
    let label = get(b"1", "100:100:");
    assert_eq!(feed.judge(&label), Verdict::Good);
    feed.ledger.wrote(EPOCH, Xid(130), &Tag::touched_by_row(TABLE, b"3"));
    feed.ledger.gap(&feed.asked(), snapshot("120:120:")).expect("it follows");
    assert_eq!(feed.judge(&label), Verdict::BelowFloor);
    assert_eq!(feed.judge(&get(b"1", "120:120:")), Verdict::Good);
    assert_eq!(feed.judge(&get(b"3", "120:120:")), Verdict::Stale, "our own write is still ahead");
    assert_eq!(feed.judge(&get(b"3", "131:131:")), Verdict::Good);
}

#[test]
fn only_what_depends_on_a_moved_table_is_read_anew() {
    let feed = Feed::default();
    let (moved, other) = (get(b"1", "100:100:"), label_of(EPOCH, "100:100:", &Tag::of_list(TABLE + 1)));
    assert_eq!((feed.judge(&moved), feed.judge(&other)), (Verdict::Good, Verdict::Good));
    feed.ledger.moved(TABLE, &snapshot("104:104:"), None);
    assert_eq!((feed.judge(&moved), feed.judge(&other)), (Verdict::BelowFloor, Verdict::Good));
    assert_eq!(feed.judge(&get(b"1", "104:104:")), Verdict::Good);
}

#[test]
fn a_gap_does_not_lower_the_floor_of_a_moved_table() {
    let feed = Feed::default();
    feed.ledger.moved(TABLE, &snapshot("150:150:"), None);
    feed.ledger.gap(&feed.asked(), snapshot("120:120:")).expect("it follows");
    assert_eq!(feed.judge(&get(b"1", "130:130:")), Verdict::BelowFloor);
    assert_eq!(feed.judge(&get(b"1", "150:150:")), Verdict::Good);
}

#[test]
fn what_was_read_under_the_same_print_is_not_below_a_tables_floor() {
    let feed = Feed::default();
    let read = |print: Tag| label_of(EPOCH, "100:100:", &[Tag::row(TABLE, b"1"), Tag::bulk(TABLE), print]);
    let (now, before) = (Tag::ddl_as(TABLE, 2), Tag::ddl_as(TABLE, 1));
    feed.ledger.moved(TABLE, &snapshot("104:104:"), Some(now));
    assert_eq!(feed.judge(&read(now)), Verdict::Good);
    assert_eq!(feed.judge(&read(before)), Verdict::BelowFloor);
    assert_eq!(feed.judge(&read(Tag::ddl(TABLE))), Verdict::BelowFloor);
    assert_eq!(feed.judge(&read(Tag::ddl_as(TABLE + 1, 2))), Verdict::BelowFloor);
    feed.hears("105:105:", &[(104, b"1")]);
    assert_eq!(feed.judge(&read(now)), Verdict::Stale, "a print says nothing of rows");
}

#[test]
fn a_print_that_was_good_is_not_once_the_table_moves_again() {
    let feed = Feed::default();
    let (first, second) = (Tag::ddl_as(TABLE, 1), Tag::ddl_as(TABLE, 2));
    let label = label_of(EPOCH, "100:100:", &[Tag::any(TABLE), first]);
    feed.ledger.moved(TABLE, &snapshot("104:104:"), Some(first));
    assert_eq!(feed.judge(&label), Verdict::Good);
    feed.ledger.moved(TABLE, &snapshot("106:106:"), Some(second));
    assert_eq!(feed.judge(&label), Verdict::BelowFloor);
    let other = label_of(EPOCH, "100:100:", &[Tag::any(TABLE), second]);
    assert_eq!(feed.judge(&other), Verdict::Good);
    feed.ledger.moved(TABLE, &snapshot("107:107:"), None);
    let unproved = label_of(EPOCH, "100:100:", &[Tag::any(TABLE), second]);
    assert_eq!(feed.judge(&unproved), Verdict::BelowFloor, "now an equal print proves nothing");
}

#[test]
fn who_begins_judges_what_others_have_read_since_the_floor() {
    let started = Instant::now();
    let feed = Feed { ledger: Ledger::new(Limits::default(), started), started };
    feed.ledger.moved(TABLE, &snapshot("120:120:"), Some(Tag::ddl_as(TABLE, 1)));
    let poll = feed.poll("120:120:", &[(108, b"1"), (115, b"2")], 0);
    feed.ledger.begin(EPOCH, Snapshot::below(Xid(105)), poll).expect("it was just asked");
    let read = |key: &[u8], text: &str| {
        label_of(EPOCH, text, &[Tag::row(TABLE, key), Tag::bulk(TABLE), Tag::ddl_as(TABLE, 1)])
    };
    assert_eq!(feed.judge(&read(b"1", "107:107:")), Verdict::Stale);
    assert_eq!(feed.judge(&read(b"1", "109:109:")), Verdict::Good);
    assert_eq!(feed.judge(&read(b"2", "109:109:")), Verdict::Stale);
    assert_eq!(feed.judge(&read(b"3", "105:105:")), Verdict::Good);
    assert_eq!(feed.judge(&read(b"3", "104:104:")), Verdict::BelowFloor);
    // What was said of tables by the same answer is not forgotten.
    assert_eq!(feed.judge(&get(b"3", "109:109:")), Verdict::BelowFloor);
    assert_eq!(feed.judge(&get(b"3", "120:120:")), Verdict::Good);
}

#[test]
fn own_writes_from_before_the_beginning_are_not_forgotten() {
    let started = Instant::now();
    let feed = Feed { ledger: Ledger::new(Limits::default(), started), started };
    feed.ledger.wrote(EPOCH, Xid(121), &Tag::touched_by_row(TABLE, b"1"));
    let poll = feed.poll("120:120:", &[], 0);
    feed.ledger.begin(EPOCH, Snapshot::below(Xid(105)), poll).expect("it was just asked");
    assert_eq!(feed.judge(&get(b"1", "120:120:")), Verdict::Stale);
    assert_eq!(feed.judge(&get(b"2", "120:120:")), Verdict::Good);
}

#[test]
fn an_own_write_that_no_poll_saw_survives_both_generations() {
    let feed = Feed::new(Limits { tags_max: 8, xids_max: 20 });
    let without = get(b"own", "101:300:101");
    feed.ledger.wrote(EPOCH, Xid(101), &Tag::touched_by_row(TABLE, b"own"));
    // Answered before our COMMIT was visible, and heard after.
    for xid in 102..150 {
        feed.hears(&format!("101:{}:101", xid + 1), &[(xid, b"b")]);
    }
    assert_eq!(feed.judge(&without), Verdict::Stale);
    assert_eq!(feed.judge(&get(b"own", "300:300:")), Verdict::Good);
}

#[test]
fn another_life_of_the_database_serves_nothing_of_the_last() {
    let feed = Feed::default();
    let label = get(b"1", "100:100:");
    assert_eq!(feed.judge(&label), Verdict::Good);
    feed.reset(Epoch(2), "90:90:");
    assert_eq!(feed.judge(&label), Verdict::OtherEpoch);
    assert_eq!(feed.judge(&label_of(Epoch(2), "90:90:", &Tag::of_list(TABLE))), Verdict::Good);
    assert_eq!(feed.ledger.epoch(), Some(Epoch(2)));
}

#[test]
fn a_database_that_went_back_serves_nothing_until_a_reset() {
    let feed = Feed::default();
    feed.hears("105:105:", &[]);
    let label = get(b"1", "105:105:");
    assert_eq!(feed.judge(&label), Verdict::Good);
    let refused = feed.ledger.heard(feed.poll("104:104:", &[], 0));
    assert!(matches!(refused, Err(Error::WentBack { .. })), "{refused:?}");
    assert_eq!(feed.judge(&label), Verdict::OtherEpoch);
    assert_eq!(feed.ledger.epoch(), None);
    assert_eq!(feed.ledger.heard(feed.poll("106:106:", &[], 0)), Err(Error::Unset));
    assert_eq!(feed.ledger.gap(&feed.asked(), snapshot("106:106:")), Err(Error::Unset));
    assert_eq!(feed.judge(&label), Verdict::OtherEpoch);
    feed.reset(Epoch(2), "104:104:");
    assert_eq!(feed.judge(&label_of(Epoch(2), "104:104:", &Tag::of_list(TABLE))), Verdict::Good);
}

#[test]
fn a_write_in_another_life_tells_of_it_before_the_feed_does() {
    let feed = Feed::default();
    feed.hears("105:105:", &[]);
    let label = get(b"1", "105:105:");
    assert_eq!(feed.judge(&label), Verdict::Good);
    // After a failover that lost it, an id comes again: the entry would seem to see it.
    feed.ledger.wrote(Epoch(2), Xid(103), &Tag::touched_by_row(TABLE, b"1"));
    assert_eq!(feed.judge(&label), Verdict::OtherEpoch);
    feed.reset(Epoch(2), "103:103:");
    let read = |text| label_of(Epoch(2), text, &Tag::of_get(TABLE, b"1"));
    assert_eq!(feed.judge(&read("103:103:")), Verdict::Stale);
    assert_eq!(feed.judge(&read("104:104:")), Verdict::Good);
}

#[test]
fn writes_that_pile_up_before_a_reset_are_not_forgotten_by_it() {
    let feed = Feed::new(Limits { tags_max: 10, xids_max: 10 });
    for xid in 100..150 {
        feed.ledger.wrote(Epoch(2), Xid(xid), &Tag::touched_by_row(TABLE, b"b"));
        assert!(feed.ledger.size().xids <= 10);
    }
    feed.reset(Epoch(2), "100:100:");
    for xid in 100..150 {
        let read = label_of(Epoch(2), &format!("{xid}:150:{xid}"), &Tag::of_get(TABLE, b"b"));
        assert_ne!(feed.judge(&read), Verdict::Good, "without {xid}");
    }
    assert_eq!(feed.judge(&label_of(Epoch(2), "150:150:", &Tag::of_get(TABLE, b"b"))), Verdict::Good);
}

#[test]
fn an_answer_out_of_order_is_not_applied() {
    let feed = Feed::default();
    let late = feed.poll("105:105:", &[], 900);
    feed.hears("103:103:", &[(100, b"1")]);
    assert_eq!(feed.ledger.heard(late), Err(Error::Outdated));
    assert_eq!(feed.asked().since(), &snapshot("103:103:"));
    let want = Want { max_lag: LAG, token: None };
    assert_eq!(feed.ledger.judge(&get(b"2", "100:100:"), want, feed.at(1_001)), Verdict::FeedOld);
}

#[test]
fn an_answer_from_before_the_end_of_an_epoch_does_not_bring_it_back() {
    let feed = Feed::default();
    let (asked, late) = (feed.asked(), feed.poll("105:105:", &[], 0));
    feed.ledger.wrote(Epoch(2), Xid(103), &Tag::touched_by_row(TABLE, b"1"));
    assert_eq!(feed.ledger.heard(late), Err(Error::Outdated));
    assert_eq!(feed.ledger.gap(&asked, snapshot("105:105:")), Err(Error::Outdated));
    assert_eq!(feed.ledger.reset(&asked, EPOCH, snapshot("105:105:")), Err(Error::Outdated));
    assert_eq!(feed.ledger.epoch(), None);
}

#[test]
fn before_the_first_reset_nothing_is_served() {
    let now = Instant::now();
    let ledger = Ledger::new(Limits::default(), now);
    let verdict = ledger.judge(&get(b"1", "100:100:"), Want { max_lag: LAG, token: None }, now);
    assert_eq!((verdict, ledger.epoch()), (Verdict::OtherEpoch, None));
}

#[test]
fn what_is_read_survives_the_floor_and_what_is_not_does_not() {
    let feed = Feed::new(Limits { tags_max: 1_000, xids_max: 40 });
    let (read, unread) = (get(b"a", "100:100:"), get(b"a", "100:100:"));
    assert_eq!((feed.judge(&read), feed.judge(&unread)), (Verdict::Good, Verdict::Good));
    for xid in 100..200 {
        feed.hears(&format!("{}:{}:", xid + 1, xid + 1), &[(xid, b"b")]);
        assert_eq!(feed.judge(&read), Verdict::Good, "at {xid}");
        assert!(feed.ledger.size().xids <= 40, "{:?}", feed.ledger.size());
    }
    assert_eq!(feed.judge(&unread), Verdict::BelowFloor);
    assert_eq!(feed.judge(&get(b"b", "199:199:")), Verdict::Stale);
    assert_eq!(feed.judge(&get(b"a", "199:199:")), Verdict::Good);
}

#[test]
fn a_poll_larger_than_what_is_kept_raises_the_floor() {
    let feed = Feed::new(Limits { tags_max: 10, xids_max: 10 });
    let label = get(b"a", "100:100:");
    assert_eq!(feed.judge(&label), Verdict::Good);
    let many: Vec<(u64, &[u8])> = (100..150).map(|xid| (xid, &b"b"[..])).collect();
    feed.hears("150:150:", &many);
    assert_eq!(feed.judge(&label), Verdict::BelowFloor);
    assert_eq!(feed.judge(&get(b"b", "150:150:")), Verdict::Good);
    assert_eq!(feed.ledger.size(), Size { tags: 0, xids: 0 });
}

#[test]
fn own_writes_without_a_poll_fold_into_a_floor() {
    let feed = Feed::new(Limits { tags_max: 10, xids_max: 10 });
    let label = get(b"a", "100:100:");
    assert_eq!(feed.judge(&label), Verdict::Good);
    for xid in 100..150 {
        feed.ledger.wrote(EPOCH, Xid(xid), &Tag::touched_by_row(TABLE, b"b"));
        assert!(feed.ledger.size().xids <= 10);
    }
    assert_eq!(feed.judge(&label), Verdict::BelowFloor);
    for xid in 100..150 {
        let read = get(b"b", &format!("{xid}:150:{xid}"));
        assert_ne!(feed.judge(&read), Verdict::Good, "without {xid}");
    }
    assert_eq!(feed.judge(&get(b"b", "150:150:")), Verdict::Good);
}

#[test]
fn a_reader_beside_writers_never_serves_what_they_answered_for() {
    use std::sync::atomic::AtomicU64;
    const LAST: u64 = 4_000;
    let feed = Feed::new(Limits { tags_max: 100, xids_max: 100 });
    let answered = AtomicU64::new(99);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for xid in 100..LAST {
                feed.ledger.wrote(EPOCH, Xid(xid), &Tag::touched_by_row(TABLE, b"1"));
                answered.store(xid, Ordering::Release);
                if xid % 7 == 0 {
                    feed.hears(&format!("{xid}:{xid}:"), &[]);
                }
            }
        });
        for _ in 0..2 {
            threads.spawn(|| {
                let mut label = get(b"1", "100:100:");
                loop {
                    let before = answered.load(Ordering::Acquire);
                    let verdict = feed.judge(&label);
                    let read = label.seen().least().xmax().0;
                    assert!(verdict != Verdict::Good || read > before, "read {read}, answered {before}");
                    if before == LAST - 1 {
                        return;
                    }
                    if verdict != Verdict::Good {
                        label = get(b"1", &format!("{0}:{0}:", before + 1));
                    }
                }
            });
        }
    });
}
