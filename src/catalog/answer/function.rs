//! A row of `pg_proc`, as JSON → a `Function`.

use serde::Deserialize;

use crate::catalog::{Argument, Attribute, Catalog, Function, Oid, TypeKind, Volatility};

#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    oid: Oid,
    schema: String,
    name: String,
    /// IN, INOUT and VARIADIC.
    input_types: Vec<Oid>,
    /// Every argument; absent when all are IN.
    all_types: Option<Vec<Oid>>,
    modes: Option<Vec<char>>,
    /// Aligned with `all_types` when that is there, else with `input_types`; may be absent.
    names: Option<Vec<String>>,
    /// How many of the last inputs have a default.
    defaults: usize,
    variadic: bool,
    result: Oid,
    returns_set: bool,
    volatility: char,
    executable: bool,
}

/// One entry of the argument list.
struct Entry {
    name: String,
    type_oid: Oid,
    mode: char,
}

impl Entry {
    /// IN, INOUT or VARIADIC.
    fn is_input(&self) -> bool {
        matches!(self.mode, 'i' | 'b' | 'v')
    }

    /// OUT, INOUT or a column of RETURNS TABLE.
    fn is_output(&self) -> bool {
        matches!(self.mode, 'o' | 'b' | 't')
    }
}

impl Answer {
    /// Needs the catalog's types, for a result that is a composite.
    pub(super) fn read(self, catalog: &Catalog) -> Function {
        let entries = self.entries();
        let inputs: Vec<&Entry> = entries.iter().filter(|e| e.is_input()).collect();
        let defaults_from = inputs.len().saturating_sub(self.defaults);
        let arguments = inputs.iter().enumerate().map(|(i, entry)| Argument {
            name: entry.name.clone(),
            type_oid: entry.type_oid,
            has_default: i >= defaults_from,
            variadic: self.variadic && i + 1 == inputs.len(),
        });
        let outputs = entries.iter().filter(|e| e.is_output());
        let columns: Vec<Attribute> = outputs.map(|e| attribute(&e.name, e.type_oid)).collect();
        Function {
            oid: self.oid,
            schema: self.schema,
            name: self.name,
            arguments: arguments.collect(),
            columns: if columns.is_empty() { result_columns(catalog, self.result) } else { columns },
            returns_set: self.returns_set,
            volatility: match self.volatility {
                'i' => Volatility::Immutable,
                's' => Volatility::Stable,
                _ => Volatility::Volatile,
            },
            executable: self.executable,
        }
    }

    fn entries(&self) -> Vec<Entry> {
        let types = self.all_types.as_ref().unwrap_or(&self.input_types);
        let entries = types.iter().enumerate().map(|(i, &type_oid)| Entry {
            name: self.names.as_ref().and_then(|names| names.get(i)).cloned().unwrap_or_default(),
            type_oid,
            mode: self.modes.as_ref().and_then(|modes| modes.get(i)).copied().unwrap_or('i'),
        });
        entries.collect()
    }
}

/// The attributes of a composite result, or one unnamed column.
fn result_columns(catalog: &Catalog, result: Oid) -> Vec<Attribute> {
    match catalog.base_type(result).map(|t| &t.kind) {
        Some(TypeKind::Composite(attributes)) => attributes.clone(),
        _ => vec![attribute("", result)],
    }
}

fn attribute(name: &str, type_oid: Oid) -> Attribute {
    Attribute { name: name.to_owned(), type_oid, type_mod: -1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer {
            oid: 1,
            schema: "public".into(),
            name: "f".into(),
            input_types: vec![23, 25],
            all_types: None,
            modes: None,
            names: Some(vec!["a".into(), "b".into()]),
            defaults: 1,
            variadic: false,
            result: 16,
            returns_set: false,
            volatility: 's',
            executable: true,
        }
    }

    #[test]
    fn the_last_inputs_have_the_defaults() {
        let function = answer().read(&Catalog::default());
        let defaults: Vec<bool> = function.arguments.iter().map(|a| a.has_default).collect();
        assert_eq!(defaults, [false, true]);
        assert_eq!(function.columns.len(), 1);
        assert_eq!(function.columns[0].type_oid, 16);
    }

    #[test]
    fn out_arguments_are_columns_and_inout_is_both() {
        let mut answer = answer();
        answer.all_types = Some(vec![23, 25, 16]);
        answer.modes = Some(vec!['i', 'b', 'o']);
        answer.names = Some(vec!["a".into(), "b".into(), "c".into()]);
        let function = answer.read(&Catalog::default());
        let names: Vec<&str> = function.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(function.arguments.len(), 2);
        assert_eq!(names, ["b", "c"]);
    }

    #[test]
    fn a_function_without_names_has_nameless_arguments() {
        let mut answer = answer();
        answer.names = None;
        let function = answer.read(&Catalog::default());
        assert!(function.arguments.iter().all(|a| a.name.is_empty()));
    }
}
