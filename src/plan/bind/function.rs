//! A function's request → its arguments as parameters; None where the default is taken.

use prost_reflect::Value;

use super::{Failure, Request};
use crate::contract::options::Reason;
use crate::plan::Violation;
use crate::plan::method::{Argument, Function};
use crate::sql::Param;

pub fn function(function: &Function, mut request: Request) -> Result<Vec<Option<Param>>, Failure> {
    let mut params = Vec::with_capacity(function.arguments.len());
    for argument in &function.arguments {
        let bound = bind(argument, &request);
        params.push(request.keep(bound).flatten());
    }
    request.accept()?;
    Ok(params)
}

fn bind(argument: &Argument, request: &Request) -> Result<Option<Param>, Violation> {
    let Some(field) = &argument.field else { return Ok(None) };
    let given = match request.value(field.name()) {
        Some(given) => Some(given),
        // A field without presence says its zero value.
        None if !field.supports_presence() && !argument.optional => {
            Some(Value::default_value_for_field(field))
        }
        None => None,
    };
    let value = match given {
        Some(given) => argument
            .value
            .from_proto(&given, field, crate::contract::column(field).unit())
            .map_err(|malformed| Violation::new(Reason::FieldInvalid, field.name(), malformed.text))?,
        None if argument.optional => return Ok(None),
        None => None,
    };
    Ok(Some(Param { oid: argument.value.oid, value }))
}
