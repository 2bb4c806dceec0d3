//! What a statement collects while its text is written: numbered parameters and fresh aliases.

use bytes::Bytes;

use super::{Param, oid};

#[derive(Debug, Default)]
pub struct Draft {
    params: Vec<Param>,
    aliases: usize,
}

impl Draft {
    /// Numbers a parameter and writes it, cast when the column's type is not the parameter's.
    pub fn param(&mut self, param: Param, cast: Option<&str>) -> String {
        self.params.push(param);
        match cast {
            Some(cast) => format!("${}::{cast}", self.params.len()),
            None => format!("${}", self.params.len()),
        }
    }

    /// Numbers an int8, as LIMIT and OFFSET take it.
    pub fn number(&mut self, value: u64) -> String {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        let bytes = Bytes::copy_from_slice(&value.to_be_bytes());
        self.param(Param { oid: oid::INT8, value: Some(bytes) }, None)
    }

    /// A name no other table of the statement has.
    pub fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("r{}", self.aliases)
    }

    pub fn into_params(self) -> Vec<Param> {
        self.params
    }
}
