//! A statement, and the relations loaded after it → every table that has a part in the answer.

use std::collections::{BTreeMap, BTreeSet};

use super::depends::Depends;
use super::filter::Predicate;
use super::query::OrderTerm;
use super::relation::{Cardinality, Link};
use super::resource::TableName;
use super::{Plans, Projection, Select};

/// What is read, filtered by, ordered by, or led through.
#[derive(Debug)]
pub struct Reach<'p> {
    plans: &'p Plans,
    /// Positions in `Plans::resources`.
    pub resources: BTreeSet<usize>,
    /// Those that a relation leads to: the first one too, when one leads back to it.
    pub reached: BTreeSet<usize>,
    /// Tables between two resources, and what they add to what an answer depends on.
    pub between: BTreeMap<&'p TableName, Option<&'p Depends>>,
}

impl<'p> Reach<'p> {
    pub fn of(plans: &'p Plans, select: &Select, projection: &Projection) -> Self {
        let mut reach = Reach::of_projection(plans, projection);
        reach.resources.insert(select.resource);
        reach.order(select.resource, &select.order);
        if let Some(filter) = &select.filter {
            reach.predicate(select.resource, filter);
        }
        reach
    }

    /// Of rows found by key.
    pub fn of_projection(plans: &'p Plans, projection: &Projection) -> Self {
        let resources = BTreeSet::from([projection.resource]);
        let (reached, between) = (BTreeSet::new(), BTreeMap::new());
        let mut reach = Reach { plans, resources, reached, between };
        reach.projection(projection);
        reach
    }

    fn projection(&mut self, projection: &Projection) {
        for related in &projection.relations {
            let target = self.step(projection.resource, related.relation);
            let relation = &self.plans.resources[projection.resource].relations[related.relation];
            if let Cardinality::Many { order, .. } = &relation.cardinality {
                self.order(target, order);
            }
            self.projection(&related.projection);
        }
    }

    fn order(&mut self, resource: usize, order: &[OrderTerm]) {
        for term in order {
            self.path(resource, &term.path);
        }
    }

    fn predicate(&mut self, resource: usize, predicate: &Predicate) {
        match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => {
                parts.iter().for_each(|part| self.predicate(resource, part));
            }
            Predicate::Not(inner) => self.predicate(resource, inner),
            Predicate::Exists { path, relation, holds } => {
                let end = self.path(resource, path);
                let far = self.step(end, *relation);
                if let Some(holds) = holds {
                    self.predicate(far, holds);
                }
            }
            Predicate::Test { value, .. } => {
                self.path(resource, &value.path);
            }
        }
    }

    /// The resource at the end of a path.
    fn path(&mut self, resource: usize, path: &[usize]) -> usize {
        path.iter().fold(resource, |at, &step| self.step(at, step))
    }

    fn step(&mut self, resource: usize, relation: usize) -> usize {
        let relation = &self.plans.resources[resource].relations[relation];
        if let Link::Through { table, .. } = &relation.link {
            self.between.insert(table, relation.between.as_ref());
        }
        self.resources.insert(relation.target);
        self.reached.insert(relation.target);
        relation.target
    }
}
