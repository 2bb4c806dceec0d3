//! What an answer from a resource is made from → the tags that it depends on.

use bytes::Bytes;

use super::Resource;
use crate::cache::Tag;
use crate::catalog::Oid;
use crate::feed::{Form, Why, key_bytes};

/// Compiled once per load.
#[derive(Debug, Clone, Default)]
pub struct Depends {
    /// Every table and view that an answer carries tags of: of a view itself, the views in it and their tables; of a
    /// partition the root, under which its changes are told.
    pub tables: Box<[Oid]>,
    pub row: RowKey,
    pub parts: Box<[Part]>,
    /// Why nothing can prove an answer fresh, whatever is installed.
    pub unfollowed: Option<Why>,
}

/// Whether a change says which row it was, as calls name rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RowKey {
    /// A Get depends on any change of its tables.
    #[default]
    Untold,
    /// The forms of the key's columns, in the key's order.
    Told { table: Oid, forms: Box<[Form]> },
}

/// A declared column: rows with one value of it change apart from those with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub table: Oid,
    /// Position in `Resource::columns`.
    pub column: usize,
    pub attnum: i16,
    pub form: Form,
}

impl Depends {
    /// What a List depends on that nothing narrows, and a Get whose row is untold.
    pub fn list_tags(&self) -> impl Iterator<Item = Tag> {
        self.tables.iter().flat_map(|table| Tag::of_list(*table))
    }

    /// The declared column at a position in `Resource::columns`.
    pub fn part(&self, column: usize) -> Option<&Part> {
        self.parts.iter().find(|part| part.column == column)
    }
}

impl Part {
    /// What changes of rows with this value touch. `value` is a binary parameter of the column's type.
    pub fn tag(&self, value: &[u8]) -> Tag {
        let mut bytes = Vec::new();
        self.form.put(value, &mut bytes);
        Tag::part(self.table, self.attnum, &bytes)
    }

    /// What a List depends on that shows only rows with this value.
    pub fn tags(&self, value: &[u8]) -> [Tag; 3] {
        [self.tag(value), Tag::bulk(self.table), Tag::ddl(self.table)]
    }
}

impl Resource {
    /// What changes of that row touch; None when a change does not say its row. `key` are binary parameters in the key's order.
    pub fn row_tag(&self, key: &[Bytes]) -> Option<Tag> {
        let RowKey::Told { table, forms } = &self.depends.row else { return None };
        if forms.len() != key.len() {
            return None;
        }
        let columns = forms.iter().zip(key).map(|(form, value)| (*form, Some(&value[..])));
        Some(Tag::row(*table, &key_bytes(columns)))
    }

    /// What a Get of that row depends on, found or not.
    pub fn get_tags(&self, key: &[Bytes]) -> Vec<Tag> {
        match (self.row_tag(key), &self.depends.row) {
            (Some(row), RowKey::Told { table, .. }) => vec![row, Tag::bulk(*table), Tag::ddl(*table)],
            _ => self.depends.list_tags().collect(),
        }
    }
}
