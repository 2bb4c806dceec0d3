//! A row of `pg_type`, as JSON → a `Type`.

use std::collections::HashMap;

use serde::Deserialize;

use super::AttributeAnswer;
use crate::catalog::{Oid, Type, TypeKind};

#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    oid: Oid,
    schema: String,
    name: String,
    array_oid: Oid,
    kind: char,
    element: Oid,
    base: Oid,
    type_mod: i32,
    not_null: bool,
    range: Oid,
    labels: Option<Vec<String>>,
    attributes: Option<Vec<AttributeAnswer>>,
}

impl Answer {
    pub(super) fn read(self) -> Type {
        let kind = match self.kind {
            'e' => TypeKind::Enum(self.labels.unwrap_or_default()),
            'd' => TypeKind::Domain { base: self.base, type_mod: self.type_mod, not_null: self.not_null },
            'c' => {
                let attributes = self.attributes.unwrap_or_default();
                TypeKind::Composite(attributes.into_iter().map(Into::into).collect())
            }
            'r' => TypeKind::Range(self.range),
            'm' => TypeKind::Multirange(self.range),
            'p' => TypeKind::Pseudo,
            _ if self.element != 0 => TypeKind::Array(self.element),
            _ => TypeKind::Base,
        };
        Type { oid: self.oid, schema: self.schema, name: self.name, array_oid: self.array_oid, kind }
    }
}

/// Whether the type is a domain that forbids NULL, itself or through the domains it stands on.
pub(super) fn domain_forbids_null(types: &HashMap<Oid, Type>, mut oid: Oid) -> bool {
    while let Some(Type { kind: TypeKind::Domain { base, not_null, .. }, .. }) = types.get(&oid) {
        if *not_null {
            return true;
        }
        oid = *base;
    }
    false
}
