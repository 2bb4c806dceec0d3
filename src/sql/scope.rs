//! A resource and the to-one relations named from it → a FROM clause, and columns through it.
//!
//! A to-one relation is a LEFT JOIN, made once however often it is named: where it leads nowhere
//! its columns are NULL, which is what an absent field means. Rows that are not served are not
//! joined either, so that filter and order agree with what a caller sees.

use super::draft::Draft;
use crate::plan::query::Deleted;
use crate::plan::relation::Link;
use crate::plan::resource::{Resource, TableName};
use crate::plan::{Plans, Relation};

pub struct Scope<'p> {
    pub plans: &'p Plans,
    pub deleted: Deleted,
    alias: String,
    resource: usize,
    joins: Vec<Join>,
}

struct Join {
    path: Vec<usize>,
    alias: String,
    resource: usize,
    text: String,
}

impl<'p> Scope<'p> {
    pub fn new(plans: &'p Plans, resource: usize, alias: impl Into<String>, deleted: Deleted) -> Self {
        Scope { plans, deleted, alias: alias.into(), resource, joins: Vec::new() }
    }

    /// The alias and the resource at the end of a path of to-one relations.
    pub fn reach(&mut self, draft: &mut Draft, path: &[usize]) -> (String, &'p Resource) {
        let (alias, resource) = self.reach_at(draft, path);
        (alias, &self.plans.resources[resource])
    }

    /// A column at the end of a path, as an expression.
    pub fn column(&mut self, draft: &mut Draft, path: &[usize], column: usize) -> String {
        let (alias, resource) = self.reach(draft, path);
        format!("{alias}.{}", resource.columns[column].name)
    }

    /// The table and everything joined to it so far.
    pub fn from(&self) -> String {
        let mut text = aliased(&self.plans.resources[self.resource].table, &self.alias);
        for join in &self.joins {
            text.push_str(&join.text);
        }
        text
    }

    fn reach_at(&mut self, draft: &mut Draft, path: &[usize]) -> (String, usize) {
        let Some((&last, before)) = path.split_last() else {
            return (self.alias.clone(), self.resource);
        };
        if let Some(join) = self.joins.iter().find(|join| join.path == path) {
            return (join.alias.clone(), join.resource);
        }
        let (near_alias, near) = self.reach_at(draft, before);
        let near = &self.plans.resources[near];
        let relation = &near.relations[last];
        let alias = draft.alias();
        let text = self.join(draft, near, &near_alias, relation, &alias);
        self.joins.push(Join { path: path.to_vec(), alias: alias.clone(), resource: relation.target, text });
        (alias, relation.target)
    }

    fn join(
        &self,
        draft: &mut Draft,
        near: &Resource,
        near_alias: &str,
        relation: &Relation,
        alias: &str,
    ) -> String {
        let far = &self.plans.resources[relation.target];
        let mut text = String::new();
        let mut on = match &relation.link {
            Link::Direct(_) => link_conditions(&relation.link, near, near_alias, "", far, alias),
            Link::Through { table, .. } => {
                let between = draft.alias();
                let mut on = link_conditions(&relation.link, near, near_alias, &between, far, alias);
                let far_on = on.split_off(near_count(&relation.link));
                text = format!(" LEFT JOIN {} ON {}", aliased(table, &between), on.join(" AND "));
                far_on
            }
        };
        on.extend(alive(far, alias, self.deleted));
        format!("{text} LEFT JOIN {} ON {}", aliased(&far.table, alias), on.join(" AND "))
    }
}

/// Column equals column, along a link: those of the near side first.
pub fn link_conditions(
    link: &Link,
    near: &Resource,
    near_alias: &str,
    between: &str,
    far: &Resource,
    far_alias: &str,
) -> Vec<String> {
    match link {
        Link::Direct(pairs) => pairs
            .iter()
            .map(|&(n, f)| {
                format!("{far_alias}.{} = {near_alias}.{}", far.columns[f].name, near.columns[n].name)
            })
            .collect(),
        Link::Through { near: near_pairs, far: far_pairs, .. } => near_pairs
            .iter()
            .map(|(n, name)| format!("{between}.{name} = {near_alias}.{}", near.columns[*n].name))
            .chain(
                far_pairs
                    .iter()
                    .map(|(name, f)| format!("{far_alias}.{} = {between}.{name}", far.columns[*f].name)),
            )
            .collect(),
    }
}

/// How many of the conditions of a link are about its near side.
pub fn near_count(link: &Link) -> usize {
    match link {
        Link::Direct(pairs) => pairs.len(),
        Link::Through { near, .. } => near.len(),
    }
}

pub fn alive(resource: &Resource, alias: &str, deleted: Deleted) -> Option<String> {
    match (deleted, resource.soft_delete) {
        (Deleted::Hidden, Some(column)) => Some(format!("{alias}.{} IS NULL", resource.columns[column].name)),
        _ => None,
    }
}

pub fn aliased(table: &TableName, alias: &str) -> String {
    format!("{}.{} AS {alias}", table.schema, table.name)
}
