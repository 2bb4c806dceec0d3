//! A database → a `Catalog`: the only part of it that touches the world.
//!
//! One statement answers everything as one JSON value, so that all of it is of one snapshot. The files of SQL are
//! described after it, each by itself: one that does not fit fails alone.

use std::collections::HashMap;

use super::arguments::{self, Numbered};
use super::{Attribute, Catalog, DescribedQuery, answer};
use crate::postgres::{self, Described, Session};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the catalog could not be read")]
    Postgres(#[from] postgres::Error),
    #[error("the catalog is not as any known version of Postgres has it")]
    Unreadable(#[from] serde_json::Error),
}

/// Each part is a statement of its own, which can be pasted into psql.
const STATEMENT: &str = concat!(
    "SELECT json_build_object('since', pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text, 'server', (\n",
    include_str!("statements/server.sql"),
    "), 'tables', (\n",
    include_str!("statements/tables.sql"),
    "), 'estimates', (\n",
    include_str!("statements/estimates.sql"),
    "), 'foreign_keys', (\n",
    include_str!("statements/foreign_keys.sql"),
    "), 'indexes', (\n",
    include_str!("statements/indexes.sql"),
    "), 'types', (\n",
    include_str!("statements/types.sql"),
    "), 'functions', (\n",
    include_str!("statements/functions.sql"),
    "), 'views', (\n",
    include_str!("statements/views.sql"),
    "), 'parents', (\n",
    include_str!("statements/parents.sql"),
    "))"
);

/// Reads everything; `queries` are the contract's files of SQL, as path and text.
pub async fn introspect(session: &mut Session, queries: &[(String, String)]) -> Result<Catalog, Error> {
    let mut catalog = answer::read(session.json(STATEMENT).await?)?;
    catalog.queries = HashMap::with_capacity(queries.len());
    for (path, text) in queries {
        let described = describe(session, text).await?.map_err(|problem| format!("{path}: {problem}"));
        catalog.queries.insert(path.clone(), described);
    }
    Ok(catalog)
}

/// The inner error is the query's own; the outer one says that nothing can be asked.
async fn describe(session: &mut Session, text: &str) -> Result<Result<DescribedQuery, String>, Error> {
    let numbered = match arguments::number(text) {
        Ok(numbered) => numbered,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let described = match session.describe(&numbered.text).await {
        Ok(described) => described,
        Err(postgres::Error::Sql(failure)) => return Ok(Err(by_name(&failure.message, &numbered.names))),
        Err(postgres::Error::CatalogChanged(message)) => return Ok(Err(by_name(&message, &numbered.names))),
        Err(error) => return Err(error.into()),
    };
    Ok(query(numbered, described))
}

fn query(numbered: Numbered, described: Described) -> Result<DescribedQuery, String> {
    if described.params.len() != numbered.names.len() {
        return Err("Postgres counts its arguments differently: keep `:name` out of odd places".to_owned());
    }
    if described.columns.is_empty() {
        return Err("it answers no columns: select some".to_owned());
    }
    let arguments = numbered.names.into_iter().zip(described.params);
    let attribute = |(name, type_oid)| Attribute { name, type_oid, type_mod: -1 };
    Ok(DescribedQuery {
        text: numbered.text,
        arguments: arguments.map(attribute).collect(),
        columns: described.columns.into_iter().map(attribute).collect(),
    })
}

/// Postgres knows arguments by number only. The highest first: `$1` is the beginning of `$12`.
fn by_name(message: &str, names: &[String]) -> String {
    let numbered = names.iter().enumerate().rev();
    numbered
        .fold(message.to_owned(), |text, (i, name)| text.replace(&format!("${}", i + 1), &format!(":{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_arguments_as_the_file_does() {
        let names: Vec<String> = (1..=12).map(|i| format!("a{i}")).collect();
        let said = by_name("could not determine data type of parameter $12 or $1", &names);
        assert_eq!(said, "could not determine data type of parameter :a12 or :a1");
    }
}
