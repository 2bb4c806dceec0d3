//! What was read → an entry that weighs what it says.

use bytes::BufMut as _;

use super::*;
use crate::plan::fixture::{Database, resource};
use crate::plan::{Projection, Reach, mask};

const CONTRACT: &str = "
    service Shop { rpc GetShelf(GetShelfRequest) returns (Shelf); }
    message GetShelfRequest { int64 id = 1; }
    message Shelf { option (rowcall.v1.table) = { name: \"shelf\" }; int64 id = 1; }
";
const HOUR: Duration = Duration::from_secs(3_600);

fn terms() -> Terms {
    let (plans, _) = Database::new().table("shelf", "id int8 key").compile(CONTRACT);
    let at = resource(&plans, "Shelf");
    let mask = mask::bind(&plans, at, ["id"].into_iter(), "read_mask").expect("a mask");
    let projection = Projection::build(&plans, at, &mask).expect("it fits");
    Terms::of(&plans, &Reach::of_projection(&plans, &projection), Defaults { ttl: HOUR, idle: HOUR })
}

fn keeper() -> Keeper {
    let store = cache::Settings { bytes_max: 1 << 20, entry_bytes_max: 1 << 20 };
    let settings = Settings { store, ttl: HOUR, idle: HOUR, lag_max: HOUR, verify_one_in: 0 };
    Keeper::new(Feed::new(cache::Limits::default(), Instant::now()), None, settings)
}

#[test]
fn an_entry_does_not_keep_the_buffer_its_answer_was_written_to() {
    let write = |out: &mut Vec<u8>| {
        out.reserve(1 << 20);
        out.put_bytes(7, 100);
        Ok::<_, ()>(())
    };
    let payload = Payload::encode(write).expect("it is written");
    let got = Got { payload: Some(payload), aside: bytes::Bytes::new(), seen: None };
    let entry = keeper().entry(got, Way::Timed(HOUR), &terms(), Vec::new);
    let frame = entry.payload.map(|payload| payload.frame()).expect("it has an answer");
    assert!(frame.try_into_mut().expect("nobody else has it").capacity() < 200);
}
