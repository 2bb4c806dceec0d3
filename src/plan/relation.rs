//! How rows of one resource lead to rows of another.

use super::depends::Depends;
use super::query::OrderTerm;
use super::resource::TableName;
use crate::sql::Identifier;

#[derive(Debug, Clone)]
pub struct Relation {
    /// Position in `Plans::resources`.
    pub target: usize,
    pub cardinality: Cardinality,
    pub link: Link,
    /// What the table between adds to what an answer depends on.
    pub between: Option<Depends>,
}

#[derive(Debug, Clone)]
pub enum Cardinality {
    One,
    /// At most `limit` rows per parent, in `order`, which ends with the target's key.
    Many {
        limit: u32,
        order: Vec<OrderTerm>,
    },
}

/// Which rows belong together. Positions are in the `columns` of the two resources.
#[derive(Debug, Clone)]
pub enum Link {
    /// Near column = far column, pairwise.
    Direct(Vec<(usize, usize)>),
    /// Near column = a column of the table between; a column of it = far column.
    Through { table: TableName, near: Vec<(usize, Identifier)>, far: Vec<(Identifier, usize)> },
}

impl Link {
    /// The columns whose values lead to the other side, in the link's order.
    pub fn near(&self) -> Vec<usize> {
        match self {
            Link::Direct(pairs) => pairs.iter().map(|(near, _)| *near).collect(),
            Link::Through { near, .. } => near.iter().map(|(near, _)| *near).collect(),
        }
    }
}
