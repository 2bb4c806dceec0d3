//! A case's `request.json` → the statement.

use rowcall::plan::query::{Deleted, Output, Rows};
use rowcall::plan::relation::Cardinality;
use rowcall::plan::resource::{Read, Source};
use rowcall::plan::value::ValueType;
use rowcall::plan::{Plans, Resource, Select, filter, order};
use rowcall::sql::{self, Param, Statement};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    resource: String,
    /// Column names; `#` is the ordinal, `<` the values of the order.
    outputs: Vec<String>,
    #[serde(default)]
    filter: String,
    /// None is a lookup, which has no order.
    order_by: Option<String>,
    /// The last row's values of the order, as text.
    after: Option<Vec<Option<String>>>,
    limit: Option<u32>,
    #[serde(default)]
    skip: u32,
    #[serde(default)]
    show_deleted: bool,
    #[serde(default)]
    equals: Vec<(String, String)>,
    keys: Option<Keys>,
    related: Option<Related>,
    #[serde(default)]
    kind: Kind,
    rows_max: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Select,
    Count,
    Estimate,
}

#[derive(Deserialize)]
struct Keys {
    columns: Vec<String>,
    /// A key per row.
    rows: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct Related {
    from: String,
    field: String,
    rows: Vec<Vec<String>>,
    limit: u32,
}

impl Request {
    pub fn statement(&self, plans: &Plans) -> Statement {
        let select = self.select(plans);
        match self.kind {
            Kind::Select => sql::render(plans, &select),
            Kind::Count => sql::count(plans, &select, self.rows_max),
            Kind::Estimate => sql::estimate(plans, &select),
        }
    }

    fn select(&self, plans: &Plans) -> Select {
        let at = find(plans, &self.resource);
        let resource = &plans.resources[at];
        let filter = filter::bind(plans, at, &self.filter, &filter::Limits::default())
            .unwrap_or_else(|v| panic!("{v:?}"));
        let order = match &self.order_by {
            Some(text) => order::bind(plans, at, text).unwrap_or_else(|v| panic!("{v:?}")),
            None => Vec::new(),
        };
        let after = self.after.as_ref().map(|values| {
            let types = order.iter().map(|term| &term.of(plans, at).value);
            values.iter().zip(types).map(|(text, of)| Some(of.parse(text.as_ref()?).unwrap())).collect()
        });
        let outputs = self.outputs.iter().flat_map(|name| match name.as_str() {
            "#" => vec![Output::Ordinal],
            "<" => (0..order.len()).map(Output::Order).collect(),
            name => vec![output(resource, name)],
        });
        let equals = self.equals.iter().map(|(name, text)| {
            let column = column(resource, name);
            let of = &resource.columns[column].value;
            (column, Param { oid: of.oid, value: Some(of.parse(text).unwrap()) })
        });
        Select {
            resource: at,
            outputs: outputs.collect(),
            rows: self.rows(plans, resource),
            equals: equals.collect(),
            filter,
            deleted: if self.show_deleted { Deleted::Shown } else { Deleted::Hidden },
            order,
            after,
            limit: self.limit,
            skip: self.skip,
        }
    }

    fn rows(&self, plans: &Plans, resource: &Resource) -> Rows {
        if let Some(keys) = &self.keys {
            let columns: Vec<usize> = keys.columns.iter().map(|name| column(resource, name)).collect();
            let arrays = arrays(resource, &columns, &keys.rows);
            return Rows::Keys { columns, arrays };
        }
        let Some(related) = &self.related else { return Rows::All };
        let near = find(plans, &related.from);
        let from = &plans.resources[near];
        let Source::Relation(at) = from.field(&related.field).expect("a field").source else {
            panic!("{} is no relation", related.field)
        };
        let relation = &from.relations[at];
        assert!(matches!(relation.cardinality, Cardinality::Many { .. }));
        let columns: Vec<usize> = match &relation.link {
            rowcall::plan::relation::Link::Direct(pairs) => pairs.iter().map(|(near, _)| *near).collect(),
            rowcall::plan::relation::Link::Through { near, .. } => {
                near.iter().map(|(near, _)| *near).collect()
            }
        };
        let arrays = arrays(from, &columns, &related.rows);
        Rows::Related { near, link: relation.link.clone(), arrays, limit: related.limit }
    }
}

pub fn find(plans: &Plans, name: &str) -> usize {
    plans.resources.iter().position(|r| r.message.name() == name).expect("a resource of this name")
}

fn column(resource: &Resource, name: &str) -> usize {
    resource
        .columns
        .iter()
        .position(|c| c.name.as_str() == name)
        .unwrap_or_else(|| panic!("no column {name}"))
}

fn output(resource: &Resource, name: &str) -> Output {
    let column = column(resource, name);
    let read = resource.fields.iter().find_map(|field| match &field.source {
        Source::Column { column: of, read, .. } if *of == column => Some(*read),
        _ => None,
    });
    Output::Column { column, read: read.unwrap_or(Read::Binary) }
}

fn arrays(resource: &Resource, columns: &[usize], rows: &[Vec<String>]) -> Vec<Param> {
    let array = |(i, column): (usize, &usize)| {
        let of: &ValueType = &resource.columns[*column].value;
        let values: Vec<_> = rows.iter().map(|row| of.parse(&row[i]).unwrap()).collect();
        of.array(values.iter().map(|value| Some(value.as_ref())))
    };
    columns.iter().enumerate().map(array).collect()
}
