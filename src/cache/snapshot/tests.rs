//! Snapshots against brute force over few ids.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::damage;

/// Ids of the properties are below; what holds from here on holds for all.
const XIDS: u64 = 14;

/// What few ids allow, long and short lists, gaps between xmin and the first in progress included.
pub fn snapshots() -> impl Strategy<Value = Snapshot> {
    (1..XIDS, 1..XIDS, any::<u16>()).prop_map(|(one, other, bits)| {
        let (xmin, xmax) = (one.min(other), one.max(other));
        let listed = (xmin..xmax).filter(|xid| bits >> xid & 1 == 1).map(Xid).collect();
        Snapshot::new(Xid(xmin), Xid(xmax), listed).expect("the list is within its bounds")
    })
}

fn all() -> impl Iterator<Item = Xid> {
    (0..=XIDS).map(Xid)
}

fn check(text: &str) {
    assert_eq!(text.parse::<Snapshot>().map(|snapshot| snapshot.to_string()), Ok(text.to_owned()));
}

#[test]
fn a_snapshot_goes_round() {
    check("754:756:754");
    check("754:756:");
    check("1:1:");
    check("10:20:10,11,19");
    check("12:18446744073709551615:13");
}

#[test]
fn what_postgres_would_not_print_is_refused() {
    for text in [
        "",
        ":",
        "::",
        "1:",
        "1:2",
        "a:2:",
        "0:2:",
        "2:1:",
        "1:2:2",
        "2:4:1",
        "1:5:3,3",
        "1:5:3,2",
        "1:5:3,",
        "1:5:,3",
        "1:5: 3",
        " 1:5:",
        "+1:5:",
        "01:5:",
        "1:5:3\n",
        "1:18446744073709551616:",
        "1:5:3:",
        "-1:5:",
    ] {
        let refused = text.parse::<Snapshot>().expect_err(text);
        assert!(refused.to_string().contains("pg_current_snapshot()"), "{refused}");
    }
    let long = "1:5:".to_owned() + &"9".repeat(1_000);
    let refused = long.parse::<Snapshot>().expect_err("the number is too long");
    assert!(refused.to_string().len() < 300);
}

proptest! {
    #[test]
    fn an_id_is_seen_as_postgres_says(snapshot in snapshots()) {
        for xid in all() {
            let below_xmin = xid < snapshot.xmin;
            let below_xmax = xid < snapshot.xmax;
            let listed = snapshot.in_progress.contains(&xid);
            prop_assert_eq!(snapshot.sees(xid), below_xmin || below_xmax && !listed);
        }
    }

    #[test]
    fn within_is_what_brute_force_says(one in snapshots(), other in snapshots()) {
        let brute = all().all(|xid| !one.sees(xid) || other.sees(xid));
        prop_assert_eq!(one.within(&other), brute, "{} within {}", one, other);
    }

    #[test]
    fn a_union_sees_what_either_sees(one in snapshots(), other in snapshots()) {
        let union = one.union(&other);
        for xid in all() {
            prop_assert_eq!(union.sees(xid), one.sees(xid) || other.sees(xid));
        }
        prop_assert_eq!(union.to_string().parse(), Ok(union));
    }

    #[test]
    fn many_ids_are_seen_as_each_is(snapshot in snapshots(), xids: BTreeSet<u8>) {
        let xids: Vec<Xid> = xids.into_iter().map(|xid| Xid(u64::from(xid % 16))).collect::<BTreeSet<_>>()
            .into_iter().collect();
        prop_assert_eq!(snapshot.sees_all(&xids), xids.iter().all(|xid| snapshot.sees(*xid)));
    }

    #[test]
    fn any_text_is_read_back_or_refused(text in damage::texts(["754:756:754", "10:20:10,11,19", "5:5:"])) {
        if let Ok(snapshot) = text.parse::<Snapshot>() {
            prop_assert_eq!(snapshot.to_string(), text);
        }
    }
}
