//! Masks seen before → their projections and the statements that find rows by key, kept, since most
//! Gets ask for what others have asked for.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::keep::{Defaults, Terms};
use super::listings::Listings;
use super::lookup;
use crate::cache::{Key, Prefix};
use crate::call::Scope;
use crate::catalog::Oid;
use crate::forecast::Forecast;
use crate::plan::bind::{Failure, Lookup};
use crate::plan::mask::Mask;
use crate::plan::{Plans, Projection, Reach, Resource};
use crate::sql::{self, About, Param, Statement};

/// Shapes kept per load; a further one is made anew for every call.
const SHAPES_MAX: usize = 256;

/// What Gets of one resource and one mask share.
#[derive(Debug)]
pub(super) struct Shape {
    pub resource: usize,
    pub projection: Projection,
    /// How their answers may be kept.
    pub terms: Terms,
    /// Of the keys that they are kept by.
    prefix: Prefix,
    /// How long its joined statements take.
    pub forecast: Forecast,
    one: Kept,
    several: Kept,
}

/// A statement without its values.
#[derive(Debug)]
struct Kept {
    text: Arc<str>,
    columns: Arc<[Oid]>,
    about: Option<Arc<About>>,
}

/// The shapes of one load.
#[derive(Debug)]
pub(super) struct Shapes {
    plans: Arc<Plans>,
    defaults: Defaults,
    kept: RwLock<FxHashMap<(usize, Mask), Arc<Shape>>>,
    listings: Listings,
}

impl Shapes {
    pub fn new(plans: Arc<Plans>, defaults: Defaults) -> Self {
        Shapes { plans, defaults, kept: RwLock::default(), listings: Listings::default() }
    }

    pub fn plans(&self) -> &Arc<Plans> {
        &self.plans
    }

    pub fn listings(&self) -> &Listings {
        &self.listings
    }

    pub fn shape(&self, resource: usize, mask: &Mask) -> Result<Arc<Shape>, Failure> {
        let key = (resource, mask.clone());
        if let Some(known) = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let shape = Arc::new(Shape::new(&self.plans, resource, mask, self.defaults)?);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < SHAPES_MAX {
            return Ok(kept.entry(key).or_insert(shape).clone());
        }
        Ok(shape)
    }
}

impl Shape {
    pub fn new(plans: &Plans, resource: usize, mask: &Mask, defaults: Defaults) -> Result<Self, Failure> {
        let mut lookup = Lookup::new(plans, resource, mask, Vec::new())?;
        let of = &plans.resources[resource];
        let several = Kept::of(sql::render(plans, &lookup::select(of, &lookup)));
        lookup.keys = vec![vec![Bytes::new(); of.key.len()]];
        let one = Kept::of(sql::render(plans, &lookup::select(of, &lookup)));
        let forecast = Forecast::default();
        let terms = Terms::of(plans, &Reach::of_projection(plans, &lookup.projection), defaults);
        let mask = format!("{mask:?}");
        let parts = ["row", &plans.digest, &of.kind, &mask];
        let prefix = parts.iter().fold(Prefix::default(), |prefix, part| prefix.with(part.as_bytes()));
        Ok(Shape { resource, projection: lookup.projection, terms, prefix, forecast, one, several })
    }

    /// By which a row's answer is kept.
    pub fn key(&self, scope: &Scope, key: &[Bytes]) -> Key {
        let prefix = self.prefix.clone().with(&scope.bytes());
        key.iter().fold(prefix, |prefix, value| prefix.with(value)).key()
    }

    /// Finds a row.
    pub fn one(&self, resource: &Resource, key: &[Bytes]) -> Statement {
        self.one.with(lookup::values(resource, key))
    }

    /// Finds rows; the ordinal behind the projection's outputs tells the key.
    pub fn several<'k>(
        &self,
        resource: &Resource,
        keys: impl Iterator<Item = &'k [Bytes]> + Clone,
    ) -> Statement {
        self.several.with(lookup::arrays(resource, keys))
    }
}

impl Kept {
    fn of(statement: Statement) -> Self {
        Kept { text: statement.text, columns: statement.columns, about: statement.about }
    }

    fn with(&self, params: Vec<Param>) -> Statement {
        let Kept { text, columns, about } = self;
        Statement { text: text.clone(), params, columns: columns.clone(), about: about.clone() }
    }
}
