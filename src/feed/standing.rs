//! What stands in the database × what is to be followed → the transactions of `rowcall migrate`.

use std::collections::HashMap;

use serde::Deserialize;

use super::recorded::Recorded;
use super::schema;
use super::trigger::{Relation, word};
use crate::catalog::{Catalog, Oid};
use crate::feed::{Form, Told};
use crate::sql::Identifier;

/// What there is of ours.
#[derive(Debug, Clone, Deserialize)]
pub struct Standing {
    pub role: String,
    pub schema: bool,
    /// The table of the version is there.
    pub state: bool,
    relations: Vec<Standee>,
    #[serde(skip)]
    pub version: Option<i32>,
    /// What `rowcall.followed` says.
    #[serde(skip)]
    pub told: HashMap<Oid, (Vec<String>, Vec<String>)>,
}

#[derive(Debug, Clone, Deserialize)]
struct Standee {
    /// None: followed by now, and not asked for.
    root: Option<Oid>,
    oid: Oid,
    schema: String,
    name: String,
    owner: String,
    owned: bool,
    present: Vec<String>,
    sound: Vec<String>,
    body: Option<String>,
}

/// Statements that take effect together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// What it is about, for people: `public.track`, or the schema.
    pub subject: String,
    /// The table whose lock it waits for.
    pub table: Option<Oid>,
    pub statements: Vec<String>,
}

/// One JSON value: a `Standing`.
pub fn question(roots: &[Oid]) -> String {
    let roots: Vec<String> = roots.iter().map(Oid::to_string).collect();
    include_str!("statements/standing.sql").replace("ROOTS", &roots.join(","))
}

/// Where there is a state: its version, and what tables are told to tell.
pub const DETAILS: &str = "SELECT pg_catalog.json_build_object('version', (SELECT version FROM rowcall.state), 'told', \
    (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(relation::int8, key, parts)), '[]') FROM rowcall.followed))";

/// The answer to `DETAILS`.
#[derive(Debug, Deserialize)]
pub struct Details {
    version: i32,
    told: Vec<(Oid, Vec<String>, Vec<String>)>,
}

impl Standing {
    pub fn with(mut self, details: Details) -> Self {
        self.version = Some(details.version);
        self.told = details.told.into_iter().map(|(oid, key, parts)| (oid, (key, parts))).collect();
        self
    }

    /// Tables that only their owner may put triggers on: `public.track belongs to shop`.
    pub fn foreign(&self) -> Vec<String> {
        let foreign = self.relations.iter().filter(|relation| !relation.owned);
        foreign.map(|of| format!("{}.{} belongs to {}", of.schema, of.name, of.owner)).collect()
    }

    /// What is to be done so that `recorded` is told of; nothing when it is.
    pub fn migrate(
        &self,
        recorded: &[Recorded],
        catalog: &Catalog,
        role: Option<&Identifier>,
    ) -> Vec<Transaction> {
        let mut schema = Vec::new();
        if !self.schema {
            schema.push("CREATE SCHEMA rowcall".to_owned());
        }
        schema.extend(schema::upgrade(self.version));
        let mut all =
            vec![Transaction { subject: "the schema rowcall".to_owned(), table: None, statements: schema }];
        for recorded in recorded {
            let recorded = self.kept(recorded, catalog);
            for standee in self.relations.iter().filter(|relation| relation.root == Some(recorded.table)) {
                let statements = self.relation(standee).follow(&recorded);
                all.push(Transaction { subject: standee.subject(), table: Some(standee.oid), statements });
            }
        }
        if let Some(role) = role {
            let subject = format!("the rights of {}", role.as_str());
            all.push(Transaction { subject, table: None, statements: schema::grants(role) });
        }
        all.retain(|transaction| !transaction.statements.is_empty());
        all
    }

    /// What is to be done so that nothing is left.
    pub fn down(&self) -> Vec<Transaction> {
        let tables = self.relations.iter().filter(|relation| !relation.present.is_empty());
        let leave = |standee: &Standee| {
            let relation = self.relation(standee);
            let mut statements = relation.leave();
            // Without the table there is nothing to take it out of.
            statements.retain(|statement| self.state || !statement.starts_with("DELETE"));
            Transaction { subject: standee.subject(), table: Some(standee.oid), statements }
        };
        let mut all: Vec<Transaction> = tables.map(leave).collect();
        if self.schema {
            let statements = vec!["DROP SCHEMA rowcall CASCADE".to_owned()];
            all.push(Transaction { subject: "the schema rowcall".to_owned(), table: None, statements });
        }
        all
    }

    /// What is told already for another contract goes on being told, as long as the column is what it was.
    fn kept(&self, recorded: &Recorded, catalog: &Catalog) -> Recorded {
        let mut recorded = recorded.clone();
        let told = self.told.get(&recorded.table).map_or(&[][..], |(_, parts)| parts);
        let columns = catalog.table_by_oid(recorded.table).map_or(&[][..], |table| &table.columns);
        for column in columns {
            let Some(form) = Form::of(catalog, column) else { continue };
            let part = Told { attnum: column.attnum, name: Identifier::new(&column.name), form };
            if told.contains(&word(&part)) && !recorded.parts.contains(&part) {
                recorded.parts.push(part);
            }
        }
        recorded.parts.sort_by_key(|part| part.attnum);
        recorded
    }

    fn relation(&self, standee: &Standee) -> Relation {
        Relation {
            oid: standee.oid,
            schema: Identifier::new(&standee.schema),
            name: Identifier::new(&standee.name),
            present: standee.present.clone(),
            sound: standee.sound.clone(),
            body: standee.body.clone(),
            told: self.told.get(&standee.oid).cloned(),
        }
    }
}

impl Standee {
    fn subject(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

impl Transaction {
    /// As it runs, and as psql takes it.
    pub fn whole(&self, lock_max: std::time::Duration) -> Vec<String> {
        let wait =
            format!("SET LOCAL lock_timeout = '{}ms'", lock_max.as_millis().clamp(1, i32::MAX as u128));
        let first = ["BEGIN".to_owned(), wait];
        first.into_iter().chain(self.statements.iter().cloned()).chain(["COMMIT".to_owned()]).collect()
    }
}
