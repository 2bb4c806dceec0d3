//! Two tables → the foreign keys that lead from one to the other, and which of them a relation means.

use super::either;
use crate::catalog::{Catalog, Oid, Table};
use crate::contract::options;
use crate::plan::Plans;

/// A foreign key, declared or told, from one table's columns to another's.
pub struct Edge {
    pub name: String,
    /// Of the table that has the key.
    pub from: Vec<String>,
    pub to: Vec<String>,
}

/// Keys from `from` to `to`: the catalog's, and those that a contract tells of `from`.
pub fn edges(plans: &Plans, catalog: &Catalog, from: &Table, to: &Table) -> Vec<Edge> {
    let declared = from.foreign_keys.iter().filter(|key| key.target == to.oid).map(|key| Edge {
        name: key.name.clone(),
        from: key.columns.iter().map(|&at| from.columns[at].name.clone()).collect(),
        to: key.target_columns.clone(),
    });
    declared.chain(told_edges(plans, catalog, from, to.oid)).collect()
}

fn told_edges(plans: &Plans, catalog: &Catalog, from: &Table, to: Oid) -> Vec<Edge> {
    let of_table = |resource: &&crate::contract::Resource| {
        plans
            .resources
            .iter()
            .find(|r| r.message == resource.message)
            .is_some_and(|r| r.table.schema.as_str() == from.schema && r.table.name.as_str() == from.name)
    };
    let mut found = Vec::new();
    for resource in plans.contract.resources.iter().filter(of_table) {
        for key in &resource.table.foreign_keys {
            let schema = Some(key.schema.as_str()).filter(|s| !s.is_empty());
            let Some(target) = catalog.table(schema, &key.table).filter(|t| t.oid == to) else { continue };
            let targets = match key.target_columns.as_slice() {
                [] => target.primary_key.iter().map(|&at| target.columns[at].name.clone()).collect(),
                told => told.to_vec(),
            };
            if targets.len() == key.columns.len() {
                found.push(Edge { name: key.id.clone(), from: key.columns.clone(), to: targets });
            }
        }
    }
    found
}

/// The one that is meant; `Ok(None)` when there is none at all.
pub fn choose(
    mut edges: Vec<Edge>,
    told: &options::Relation,
    from: &Table,
    to: &Table,
) -> Result<Option<Edge>, String> {
    if !told.foreign_key.is_empty() {
        return Ok(edges.into_iter().find(|edge| edge.name == told.foreign_key));
    }
    if edges.len() > 1 {
        let names: Vec<&str> = edges.iter().map(|e| e.name.as_str()).collect();
        return Err(format!(
            "several foreign keys lead between tables {:?} and {:?}: choose {} by (rowcall.v1.relation).foreign_key",
            from.name,
            to.name,
            either(&names)
        ));
    }
    Ok(edges.pop())
}
