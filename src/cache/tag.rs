//! What a change touches, what an entry depends on → sixteen bytes that are equal when the two meet.
//!
//! | a call | depends on |
//! |---|---|
//! | Get, also when nothing is found | row, bulk, ddl |
//! | List, filter, count, a page of a Stream | any, ddl |
//! | the same with a declared column fixed | part, bulk, ddl |
//! | nested messages | the union over every table read |
//!
//! | a change | touches |
//! |---|---|
//! | of a row | row, any, and part by its declared columns' old and new values |
//! | of rows unknown or too many, TRUNCATE | bulk, any |
//! | of the table itself | ddl |
//!
//! The ddl tag of an entry also says what its table's print was before it was read, where that is known: see `Ledger::moved`.
//!
//! Keys and values come as bytes in one canonical form, which is the caller's to choose: the same value must give the
//! same bytes from a trigger's text and from a call's binary parameters, or a change goes unheard. Different values
//! that give the same tag cost a miss and nothing else.

use sha2::{Digest, Sha256};

use crate::catalog::Oid;

/// Kept beside shared entries too: the same in every process, and from version to version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    table: Oid,
    /// Of kind and value; of the kinds without a value, the kind.
    digest: [u32; 3],
}

#[derive(Clone, Copy)]
enum Kind {
    Bulk = 1,
    Any,
    Ddl,
    Row,
    Part,
}

impl Tag {
    /// The row with that key, canonical bytes.
    pub fn row(table: Oid, key: &[u8]) -> Self {
        Tag::hashed(table, Kind::Row, 0, key)
    }

    /// Rows that nobody counted.
    pub fn bulk(table: Oid) -> Self {
        Tag::plain(table, Kind::Bulk)
    }

    /// Whichever rows.
    pub fn any(table: Oid) -> Self {
        Tag::plain(table, Kind::Any)
    }

    /// The rows with that value in that column. `column` is Postgres' attribute number, `value` canonical bytes.
    pub fn part(table: Oid, column: i16, value: &[u8]) -> Self {
        Tag::hashed(table, Kind::Part, column, value)
    }

    /// The table itself.
    pub fn ddl(table: Oid) -> Self {
        Tag::plain(table, Kind::Ddl)
    }

    /// The table itself, as long as that is its print.
    pub fn ddl_as(table: Oid, print: u64) -> Self {
        Tag { digest: [(print >> 32) as u32, print as u32, Kind::Ddl as u32], ..Tag::ddl(table) }
    }

    /// Whether it is of the table itself, and says no print.
    pub fn is_ddl(&self) -> bool {
        *self == Tag::ddl(self.table)
    }

    pub fn table(&self) -> Oid {
        self.table
    }

    /// What a Get depends on.
    pub fn of_get(table: Oid, key: &[u8]) -> [Tag; 3] {
        [Tag::row(table, key), Tag::bulk(table), Tag::ddl(table)]
    }

    /// What a List depends on.
    pub fn of_list(table: Oid) -> [Tag; 2] {
        [Tag::any(table), Tag::ddl(table)]
    }

    /// What a List depends on whose filter fixes a declared column.
    pub fn of_part(table: Oid, column: i16, value: &[u8]) -> [Tag; 3] {
        [Tag::part(table, column, value), Tag::bulk(table), Tag::ddl(table)]
    }

    /// What the change of one row touches, its parts aside.
    pub fn touched_by_row(table: Oid, key: &[u8]) -> [Tag; 2] {
        [Tag::row(table, key), Tag::any(table)]
    }

    /// What a change touches that does not say its rows.
    pub fn touched_by_bulk(table: Oid) -> [Tag; 2] {
        [Tag::bulk(table), Tag::any(table)]
    }

    /// For entries kept elsewhere.
    pub fn to_bytes(self) -> [u8; 16] {
        let [a, b, c] = self.digest;
        (u128::from(self.table) << 96 | u128::from(a) << 64 | u128::from(b) << 32 | u128::from(c))
            .to_be_bytes()
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let all = u128::from_be_bytes(bytes);
        Tag { table: (all >> 96) as u32, digest: [(all >> 64) as u32, (all >> 32) as u32, all as u32] }
    }

    fn plain(table: Oid, kind: Kind) -> Self {
        Tag { table, digest: [0, 0, kind as u32] }
    }

    fn hashed(table: Oid, kind: Kind, column: i16, bytes: &[u8]) -> Self {
        let hash =
            Sha256::new().chain_update([kind as u8]).chain_update(column.to_be_bytes()).chain_update(bytes);
        let digest: [u8; 32] = hash.finalize().into();
        let (head, _) = digest.split_first_chunk::<16>().expect("32 bytes are more than 16");
        Tag { table, ..Tag::from_bytes(*head) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meet(touched: &[Tag], depends: &[Tag]) -> bool {
        touched.iter().any(|tag| depends.contains(tag))
    }

    #[test]
    fn a_change_of_a_row_meets_what_may_show_it() {
        let change =
            [&Tag::touched_by_row(1, b"7")[..], &[Tag::part(1, 2, b"old"), Tag::part(1, 2, b"new")]].concat();
        assert!(meet(&change, &Tag::of_get(1, b"7")));
        assert!(meet(&change, &Tag::of_list(1)));
        assert!(meet(&change, &Tag::of_part(1, 2, b"old")));
        assert!(meet(&change, &Tag::of_part(1, 2, b"new")));
        assert!(!meet(&change, &Tag::of_get(1, b"8")));
        assert!(!meet(&change, &Tag::of_get(2, b"7")));
        assert!(!meet(&change, &Tag::of_list(2)));
        assert!(!meet(&change, &Tag::of_part(1, 2, b"other")));
        assert!(!meet(&change, &Tag::of_part(1, 3, b"new")));
    }

    #[test]
    fn bulk_and_ddl_meet_everything_of_their_table() {
        for touched in [&Tag::touched_by_bulk(1)[..], &[Tag::ddl(1)]] {
            for table in [1, 2] {
                assert_eq!(meet(touched, &Tag::of_get(table, b"7")), table == 1);
                assert_eq!(meet(touched, &Tag::of_list(table)), table == 1);
                assert_eq!(meet(touched, &Tag::of_part(table, 2, b"v")), table == 1);
            }
        }
    }

    #[test]
    fn tags_stay_what_they_are_from_version_to_version() {
        let hex = |tag: Tag| tag.to_bytes().map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(hex(Tag::bulk(0x4001)), "00004001000000000000000000000001");
        assert_eq!(hex(Tag::any(0x4001)), "00004001000000000000000000000002");
        assert_eq!(hex(Tag::ddl(0x4001)), "00004001000000000000000000000003");
        assert_eq!(hex(Tag::row(0x4001, b"42")), "0000400151bfe29d67efda059af8256b");
        assert_eq!(hex(Tag::part(0x4001, 3, b"42")), "0000400176afaeef39aac0bf1bf3b8c5");
    }

    #[test]
    fn the_table_itself_is_told_apart_by_its_print() {
        assert_ne!(Tag::ddl_as(1, 7), Tag::ddl_as(1, 8));
        assert_ne!(Tag::ddl_as(1, 7), Tag::ddl_as(2, 7));
        assert!(Tag::ddl(1).is_ddl());
        assert!(!Tag::ddl_as(1, 7).is_ddl() && !Tag::bulk(1).is_ddl() && !Tag::any(1).is_ddl());
    }

    proptest! {
        #[test]
        fn tags_go_round(table: u32, column: i16, value: Vec<u8>) {
            let tags = [Tag::row(table, &value), Tag::part(table, column, &value), Tag::any(table)];
            for tag in tags {
                prop_assert_eq!(Tag::from_bytes(tag.to_bytes()), tag);
                prop_assert_eq!(tag.table(), table);
            }
        }
    }
}
