//! A message of the user's over a composite or a range → a codec per attribute, or per bound.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::choose::{Place, choose, kind_name, misfit, tag};
use super::single::{Chosen, Column, element_type};
use super::{Attribute, Codec, Fit, Flag, Misfit, Presence, RangeCodec};
use crate::catalog::{self, Oid};
use crate::contract::{self, options};
use crate::plan::value::{Class, ValueType};

/// Fields find attributes by name, or by the column option's names.
pub(super) fn composite(
    column: &Column<'_>,
    attributes: &[catalog::Attribute],
    message: &MessageDescriptor,
) -> Result<Chosen, Misfit> {
    let mut losses = Vec::new();
    let mut chosen: Vec<Attribute> =
        attributes.iter().map(|a| Attribute { type_oid: a.type_oid, fields: Vec::new() }).collect();
    for field in message.fields() {
        let options = contract::column(&field);
        let found = match options.name.as_slice() {
            [] => attributes.iter().position(|a| a.name == field.name()),
            names => names.iter().find_map(|name| attributes.iter().position(|a| a.name == *name)),
        };
        let Some(at) = found else {
            let names: Vec<_> = attributes.iter().map(|a| a.name.as_str()).collect();
            return Err(Misfit::new(format!(
                "has no attribute for {}: it has {}",
                path(message, &field),
                names.join(", ")
            )));
        };
        let attribute = &attributes[at];
        let fit =
            inside(column, attribute.type_oid, attribute.type_mod, &field, &options).map_err(|misfit| {
                Misfit::new(format!(
                    "attribute \"{}\" for {} {}",
                    attribute.name,
                    path(message, &field),
                    misfit.text
                ))
            })?;
        losses.extend(fit.losses.into_iter().map(|loss| format!("{}: {loss}", path(message, &field))));
        chosen[at].fields.push(fit.codec);
    }
    Ok(Chosen { losses, ..Codec::Composite(chosen.into()).into() })
}

/// `lower`, `upper`, `lower_inclusive`, `upper_inclusive`, `empty`: any may be left out.
pub(super) fn range(
    column: &Column<'_>,
    value: &ValueType,
    message: &MessageDescriptor,
) -> Result<Chosen, Misfit> {
    let element = element_type(column.catalog, column.type_oid);
    let mut losses = Vec::new();
    let mut bound = |name: &str| -> Result<_, Misfit> {
        let Some(field) = message.get_field_by_name(name) else {
            losses.push(format!("{} has no field {name}: that bound is not served", message.full_name()));
            return Ok(None);
        };
        let Fit { codec, losses: lost, .. } = inside(column, element, -1, &field, &contract::column(&field))?;
        losses.extend(lost);
        if codec.presence == Presence::Implicit {
            losses.push(format!(
                "{}: no bound and the zero value read the same: make the field optional",
                path(message, &field)
            ));
        }
        Ok(Some(codec))
    };
    let (lower, upper) = (bound("lower")?, bound("upper")?);
    let flag = |name: &str| match message.get_field_by_name(name) {
        None => Ok(None),
        Some(field) if field.kind() == Kind::Bool && !field.is_list() => {
            Ok(Some(Flag { tag: tag(field.number(), 0), presence: Presence::of(&field) }))
        }
        Some(field) => {
            let text =
                format!("needs {} to be bool, and it is {}", path(message, &field), kind_name(&field.kind()));
            Err(Misfit::new(text))
        }
    };
    let codec = RangeCodec {
        lower,
        upper,
        lower_inclusive: flag("lower_inclusive")?,
        upper_inclusive: flag("upper_inclusive")?,
        empty: flag("empty")?,
    };
    let known = ["lower", "upper", "lower_inclusive", "upper_inclusive", "empty"];
    if let Some(other) = message.fields().find(|field| !known.contains(&field.name())) {
        let advice = format!("{} is none of {}: use those", other.name(), known.join(", "));
        return Err(misfit(value, message.full_name(), &advice));
    }
    // Postgres writes ranges of these as [lower,upper), always.
    let discrete = matches!(&value.class, Class::Range(of) if matches!(of.class, Class::Int4 | Class::Int8 | Class::Date));
    for (name, present) in
        [("lower_inclusive", &codec.lower_inclusive), ("upper_inclusive", &codec.upper_inclusive)]
    {
        if present.is_none() && !discrete {
            losses.push(format!("{} has no field {name}: [ and ( read the same", message.full_name()));
        }
    }
    if codec.empty.is_none() {
        losses.push(format!(
            "{} has no field empty: an empty range and one without bounds read the same",
            message.full_name()
        ));
    }
    Ok(Chosen { losses, ..Codec::Range(codec.into()).into() })
}

fn inside(
    column: &Column<'_>,
    type_oid: Oid,
    type_mod: i32,
    field: &FieldDescriptor,
    options: &options::Column,
) -> Result<Fit, Misfit> {
    choose(column.catalog, type_oid, type_mod, field, options, Place::Inside)
}

/// `Address.street`.
fn path(message: &MessageDescriptor, field: &FieldDescriptor) -> String {
    format!("{}.{}", message.name(), field.name())
}
