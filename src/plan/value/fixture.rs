//! For tests: the types of a database with hstore, ltree, citext and a few of its own, as one Postgres
//! numbered them when it wrote `samples.tsv`.

use crate::catalog::{Attribute, Catalog, Oid, Server, Type, TypeKind};

pub const MOOD: Oid = 16_816;
pub const ADDRESS: Oid = 16_829;
pub const POSITIVE: Oid = 16_831;

const BASES: &[(Oid, &str, &str, Oid)] = &[
    (16, "pg_catalog", "bool", 1000),
    (17, "pg_catalog", "bytea", 1001),
    (19, "pg_catalog", "name", 1003),
    (20, "pg_catalog", "int8", 1016),
    (21, "pg_catalog", "int2", 1005),
    (23, "pg_catalog", "int4", 1007),
    (25, "pg_catalog", "text", 1009),
    (26, "pg_catalog", "oid", 1028),
    (114, "pg_catalog", "json", 199),
    (142, "pg_catalog", "xml", 143),
    (650, "pg_catalog", "cidr", 651),
    (700, "pg_catalog", "float4", 1021),
    (701, "pg_catalog", "float8", 1022),
    (790, "pg_catalog", "money", 791),
    (829, "pg_catalog", "macaddr", 1040),
    (869, "pg_catalog", "inet", 1041),
    (1042, "pg_catalog", "bpchar", 1014),
    (1043, "pg_catalog", "varchar", 1015),
    (1082, "pg_catalog", "date", 1182),
    (1083, "pg_catalog", "time", 1183),
    (1114, "pg_catalog", "timestamp", 1115),
    (1184, "pg_catalog", "timestamptz", 1185),
    (1186, "pg_catalog", "interval", 1187),
    (1560, "pg_catalog", "bit", 1561),
    (1700, "pg_catalog", "numeric", 1231),
    (2950, "pg_catalog", "uuid", 2951),
    (3614, "pg_catalog", "tsvector", 3643),
    (3802, "pg_catalog", "jsonb", 3807),
    (16385, "public", "hstore", 16390),
    (16513, "public", "ltree", 16516),
    (16698, "public", "citext", 16703),
];

const RANGES: &[(Oid, &str, Oid, Oid)] = &[
    (3904, "int4range", 3905, 23),
    (3906, "numrange", 3907, 1700),
    (3908, "tsrange", 3909, 1114),
    (3910, "tstzrange", 3911, 1184),
    (3912, "daterange", 3913, 1082),
    (3926, "int8range", 3927, 20),
];

const MULTIRANGES: &[(Oid, &str, Oid, Oid)] = &[
    (4451, "int4multirange", 6150, 3904),
    (4532, "nummultirange", 6151, 3906),
    (4534, "tstzmultirange", 6153, 3910),
];

pub const LABELS: [&str; 5] = ["sad", "so so", "very-happy", "Ünïcode", ""];

pub fn catalog() -> Catalog {
    let mut catalog = Catalog {
        server: Server { version: 150_018, encoding: "UTF8".into(), search_path: vec!["public".into()] },
        ..Catalog::default()
    };
    let mut add = |oid: Oid, schema: &str, name: &str, array_oid: Oid, kind: TypeKind| {
        let named =
            |oid, name: String, array_oid, kind| Type { oid, schema: schema.into(), name, array_oid, kind };
        catalog.types.insert(oid, named(oid, name.into(), array_oid, kind));
        if array_oid != 0 {
            catalog.types.insert(array_oid, named(array_oid, format!("_{name}"), 0, TypeKind::Array(oid)));
        }
    };
    for (oid, schema, name, array) in BASES {
        add(*oid, schema, name, *array, TypeKind::Base);
    }
    for (oid, name, array, of) in RANGES {
        add(*oid, "pg_catalog", name, *array, TypeKind::Range(*of));
    }
    for (oid, name, array, of) in MULTIRANGES {
        add(*oid, "pg_catalog", name, *array, TypeKind::Multirange(*of));
    }
    add(MOOD, "s", "mood", 16_815, TypeKind::Enum(LABELS.map(String::from).to_vec()));
    let attribute = |name: &str, type_oid| Attribute { name: name.into(), type_oid, type_mod: -1 };
    let attributes = vec![
        attribute("street", 25),
        attribute("zip code", 23),
        attribute("tags", 1009),
        attribute("feeling", MOOD),
        attribute("ok", 16),
    ];
    add(ADDRESS, "s", "address", 16_828, TypeKind::Composite(attributes));
    add(POSITIVE, "s", "positive", 16_830, TypeKind::Domain { base: 23, type_mod: -1, not_null: false });
    catalog
}

/// By the name people write: `int4[]`.
pub fn oid(catalog: &Catalog, name: &str) -> Oid {
    let (name, is_array) = match name.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let name = name.strip_prefix("s.").unwrap_or(name);
    let found = catalog.types.values().find(|t| t.name == name);
    let found = found.unwrap_or_else(|| panic!("no type {name}"));
    if is_array { found.array_oid } else { found.oid }
}
