//! A resource's patterns and its key → the names of its rows, every variable a column of the key.

use std::collections::BTreeSet;

use super::resources::Draft;
use crate::contract::{Pattern, Segment};
use crate::plan::resource::{NamePattern, NameSegment};

impl Draft<'_> {
    pub fn names(&mut self, key: &[usize]) -> Vec<NamePattern> {
        if self.promised.patterns.is_empty() {
            return Vec::new();
        }
        if key.is_empty() && !self.promised.table.key.is_empty() {
            // Its columns were complained of already.
            return Vec::new();
        }
        if key.is_empty() {
            self.complain(
                "has a resource name but its table has no key: add a primary key, or give (rowcall.v1.table).key",
            );
            return Vec::new();
        }
        let patterns = &self.promised.patterns;
        patterns.iter().filter_map(|pattern| self.name(pattern, key)).collect()
    }

    fn name(&mut self, pattern: &Pattern, key: &[usize]) -> Option<NamePattern> {
        let mut segments = Vec::new();
        let mut used = BTreeSet::new();
        for segment in &pattern.segments {
            segments.push(match segment {
                Segment::Literal(text) => NameSegment::Literal(text.clone()),
                Segment::Variable(variable) => {
                    let column = self.variable(variable, key)?;
                    used.insert(column);
                    NameSegment::Variable { variable: variable.clone(), column }
                }
            });
        }
        let unnamed = key.iter().find(|column| !used.contains(column));
        if let Some(&column) = unnamed {
            let column = self.columns[column].name.as_str().to_owned();
            self.complain(format!(
                "no pattern variable stands for key column {column:?}: a name has to tell rows apart, so add it to the pattern or settle it by (rowcall.v1.table).variables"
            ));
            return None;
        }
        Some(NamePattern { segments })
    }

    /// A pattern's variable `x` is key column `x`, else `x_id`, else what the option says.
    fn variable(&mut self, variable: &str, key: &[usize]) -> Option<usize> {
        let told = self.promised.table.variables.iter().find(|v| v.variable == variable);
        let candidates = match told {
            Some(told) => vec![told.column.clone()],
            None => vec![variable.to_owned(), format!("{variable}_id")],
        };
        let found = candidates
            .iter()
            .find_map(|name| key.iter().copied().find(|&column| self.columns[column].name.as_str() == name));
        if found.is_none() {
            let columns: Vec<&str> = key.iter().map(|&c| self.columns[c].name.as_str()).collect();
            self.complain(format!(
                "pattern variable {{{variable}}} is no key column ({}): rename it, or settle it by (rowcall.v1.table).variables",
                columns.join(", ")
            ));
        }
        found
    }
}
