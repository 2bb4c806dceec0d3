//! Rows and the relations a mask names → those rows with their relations' rows beside them.
//!
//! One statement per relation and level, however many rows there are: the distinct keys of all
//! parents go in as arrays, and the ordinal of its key comes back with every row.

use std::collections::HashMap;
use std::ops::Range;

use crate::error::Error;
use crate::plan::projection::Related;
use crate::plan::query::{Deleted, Output, Rows as Asked, Select};
use crate::plan::relation::{Cardinality, Relation};
use crate::plan::{Plans, Projection};
use crate::postgres::{self, Ending, Limit, Row, Rows, Session};
use crate::sql::{self, Param, Statement};
use crate::wire::{Children, Level};

/// The rows of a call, the root's first; what relations found refers to its parent by position.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    /// Paths that left rows out.
    pub truncated: Vec<String>,
}

#[derive(Debug)]
struct Node<'a> {
    projection: &'a Projection,
    rows: Rows,
    /// Rows that count; further ones only told that there are more.
    taken: usize,
    /// By the projection's relations: the node of each, and whose rows are whose.
    children: Vec<Option<(usize, Vec<Range<usize>>)>>,
}

/// Why relations are not all here.
#[derive(Debug)]
pub(super) enum Short {
    /// They are larger than the limit: fewer rows have to be asked for.
    TooMuch,
    Failed(postgres::Error),
}

/// How often a call with relations may begin again. A session repeats what opens a snapshot itself;
/// what DDL meets further on costs the snapshot, and one more is taken.
pub(super) struct Snapshots {
    left: u32,
}

impl Snapshots {
    pub fn new(projection: &Projection) -> Self {
        Snapshots { left: u32::from(!projection.relations.is_empty()) }
    }

    /// The error, unless another snapshot may answer instead.
    pub fn another(&mut self, error: Error) -> Result<(), Error> {
        match (&error, self.left) {
            (Error::Postgres(postgres::Error::CatalogChanged(_)), 1..) => self.left -= 1,
            _ => return Err(error),
        }
        Ok(())
    }
}

impl<'a> Tree<'a> {
    pub fn new(projection: &'a Projection, rows: Rows, taken: usize) -> Self {
        let taken = taken.min(rows.len());
        Tree { nodes: vec![Node::new(projection, rows, taken)], truncated: Vec::new() }
    }

    /// The rows of the call itself.
    pub fn rows(&self) -> &Rows {
        &self.nodes[0].rows
    }

    pub fn taken(&self) -> usize {
        self.nodes[0].taken
    }

    /// As Postgres sent them, relations included.
    pub fn bytes(&self) -> usize {
        self.nodes.iter().map(|node| node.rows.bytes()).sum()
    }

    /// Loads level by level; the siblings of a level travel together, and the transaction ends
    /// with the last.
    pub async fn load(
        &mut self,
        plans: &Plans,
        session: &mut Session,
        deleted: Deleted,
        limit: Limit,
    ) -> Result<(), Short> {
        let depth = self.nodes[0].projection.depth();
        let mut level = 0..1;
        for at in 1..=depth {
            let asked = self.ask(plans, level, deleted);
            let statements: Vec<Statement> =
                asked.iter().map(|asked| sql::render(plans, &asked.select)).collect();
            let ending = if at == depth { Ending::Last } else { Ending::More };
            if statements.is_empty() {
                break;
            }
            let answered = session.run(&statements, ending, limit).await.map_err(Short::Failed)?;
            let first = self.nodes.len();
            for (asked, rows) in asked.into_iter().zip(answered) {
                if rows.cut {
                    return Err(Short::TooMuch);
                }
                self.attach(asked, rows);
            }
            level = first..self.nodes.len();
        }
        Ok(())
    }

    fn ask(&mut self, plans: &Plans, level: Range<usize>, deleted: Deleted) -> Vec<Asking<'a>> {
        let mut asked = Vec::new();
        for parent in level {
            let projection = self.nodes[parent].projection;
            for (at, related) in projection.relations.iter().enumerate() {
                let asking = Asking::new(plans, &self.nodes[parent], (parent, at), related, deleted);
                match asking.ordinals.iter().any(Option::is_some) {
                    true => asked.push(asking),
                    // No parent leads anywhere: there is nothing to ask.
                    false => self.attach(asking, Rows::default()),
                }
            }
        }
        asked
    }

    /// Rows come in the order of their keys' ordinals.
    fn attach(&mut self, asked: Asking<'a>, rows: Rows) {
        let ordinal_at = asked.related.projection.outputs.len();
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let key = ordinal(row.get(ordinal_at));
            if ranges.len() <= key {
                ranges.resize(key + 1, at..at);
            }
            if ranges[key].is_empty() {
                ranges[key].start = at;
            }
            ranges[key].end = at + 1;
        }
        if ranges.iter().any(|range| range.len() > asked.limit) {
            self.truncated.push(asked.related.path.clone());
        }
        let of = asked.ordinals.iter().map(|key| {
            let range = key.and_then(|key| ranges.get(key).cloned()).unwrap_or(0..0);
            range.start..range.end.min(range.start.saturating_add(asked.limit))
        });
        let of = of.collect();
        let (parent, at) = asked.of;
        let child = self.nodes.len();
        self.nodes[parent].children[at] = Some((child, of));
        let taken = rows.len();
        self.nodes.push(Node::new(&asked.related.projection, rows, taken));
    }

    /// The rows as the wire takes them.
    pub fn level(&self) -> Level<Row<'_>> {
        self.level_of(0)
    }

    fn level_of(&self, at: usize) -> Level<Row<'_>> {
        let node = &self.nodes[at];
        let children = node.children.iter().map(|found| match found {
            Some((child, of)) => Children { level: self.level_of(*child), of: of.clone() },
            None => Children {
                level: Level { rows: Vec::new(), children: Vec::new() },
                of: vec![0..0; node.taken],
            },
        });
        Level { rows: node.rows.iter().take(node.taken).collect(), children: children.collect() }
    }
}

impl<'a> Node<'a> {
    fn new(projection: &'a Projection, rows: Rows, taken: usize) -> Self {
        Node { projection, rows, taken, children: vec![None; projection.relations.len()] }
    }
}

/// One relation's statement, and which parent row asked for which key.
struct Asking<'a> {
    /// The parent's node, and the position among its relations.
    of: (usize, usize),
    related: &'a Related,
    select: Select,
    /// For every parent row the position of its key; None when the key is NULL.
    ordinals: Vec<Option<usize>>,
    /// Rows per key that go out.
    limit: usize,
}

impl<'a> Asking<'a> {
    fn new(plans: &Plans, node: &Node, of: (usize, usize), related: &'a Related, deleted: Deleted) -> Self {
        let resource = &plans.resources[node.projection.resource];
        let relation = &resource.relations[related.relation];
        let near = relation.link.near();
        let rows = || node.rows.iter().take(node.taken);
        let mut keys: Vec<Vec<&[u8]>> = Vec::new();
        let mut known: HashMap<Vec<&[u8]>, usize> = HashMap::new();
        let mut ordinals = Vec::with_capacity(node.taken);
        for row in rows() {
            let key: Option<Vec<&[u8]>> = related.near.iter().map(|&at| row.get(at)).collect();
            ordinals.push(key.map(|key| {
                *known.entry(key).or_insert_with_key(|key| {
                    keys.push(key.clone());
                    keys.len() - 1
                })
            }));
        }
        let array = |(at, &column): (usize, &usize)| {
            resource.columns[column].value.array(keys.iter().map(|key| Some(key[at])))
        };
        let arrays = near.iter().enumerate().map(array).collect();
        let select = select(node.projection.resource, relation, related, arrays, deleted);
        let limit = match relation.cardinality {
            Cardinality::One => 1,
            Cardinality::Many { limit, .. } => limit,
        };
        Asking { of, related, select, ordinals, limit: limit as usize }
    }
}

/// The rows that keys of `near` lead to, one array of keys per near column of the link.
pub(super) fn select(
    near: usize,
    relation: &Relation,
    related: &Related,
    arrays: Vec<Param>,
    deleted: Deleted,
) -> Select {
    let (order, limit) = match &relation.cardinality {
        Cardinality::One => (Vec::new(), 1),
        // One more than goes out tells that rows were left out.
        Cardinality::Many { order, limit } => (order.clone(), limit.saturating_add(1)),
    };
    let mut outputs = related.projection.outputs.clone();
    outputs.push(Output::Ordinal);
    Select {
        resource: relation.target,
        outputs,
        rows: Asked::Related { near, link: relation.link.clone(), arrays, limit },
        equals: Vec::new(),
        filter: None,
        deleted,
        order,
        after: None,
        limit: None,
        skip: 0,
    }
}

/// The position of the key, from the int8 that counts keys from 1; the first, where a statement had only one.
pub(super) fn ordinal(column: Option<&[u8]>) -> usize {
    let number = column.and_then(|bytes| bytes.try_into().ok()).map_or(1, i64::from_be_bytes);
    usize::try_from(number - 1).unwrap_or(0)
}
