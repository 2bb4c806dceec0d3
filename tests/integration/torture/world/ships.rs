//! Ships, whose two sides are swapped, all at once, by renaming the columns.

use serde_json::{Value, json};

use super::hash;
use super::window::Window;

pub const SHIPS: i32 = 40;

/// Counts the swaps: at an odd number the sides are swapped.
#[derive(Default)]
pub struct Ships {
    pub swaps: Window,
}

pub fn ids() -> impl Iterator<Item = i32> {
    1..=SHIPS
}

/// As SQL, at first.
pub fn values(ship_id: i32) -> String {
    format!("({ship_id}, 'p{}', 's{}')", hash("port", ship_id, 0), hash("starboard", ship_id, 0))
}

/// Leaves the columns as they are when they already have `swaps`: who never heard the end of a
/// transaction just sends it again.
pub fn swap(swaps: u64) -> String {
    let letter = if swaps.is_multiple_of(2) { 'p' } else { 's' };
    format!(
        "DO $$ BEGIN
             LOCK TABLE ship IN ACCESS EXCLUSIVE MODE;
             IF (SELECT port NOT LIKE '{letter}%' FROM ship WHERE ship_id = 1) THEN
                 ALTER TABLE ship RENAME port TO swapped;
                 ALTER TABLE ship RENAME starboard TO port;
                 ALTER TABLE ship RENAME swapped TO starboard;
             END IF;
         END $$"
    )
}

pub fn json(ship_id: i32, swaps: u64) -> Value {
    let sides = (format!("p{}", hash("port", ship_id, 0)), format!("s{}", hash("starboard", ship_id, 0)));
    let (port, starboard) = if swaps.is_multiple_of(2) { sides } else { (sides.1, sides.0) };
    json!({"ship_id": ship_id, "port": port, "starboard": starboard})
}
