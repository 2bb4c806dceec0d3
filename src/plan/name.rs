//! Resource names → the key's values, in the key's order (AIP-122).

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::Violation;
use super::resource::{NamePattern, NameSegment, Resource};
use crate::contract::options::Reason;

/// The columns a name settles, each with its value; those given as `-` are left out.
pub type Settled = Vec<(usize, Bytes)>;

/// The values of a name's key columns, in the order of `Resource::key`.
pub fn bind(resource: &Resource, name: &str, field: &str) -> Result<Vec<Bytes>, Violation> {
    let settled = own(resource, name).map_err(|text| Violation::new(Reason::NameInvalid, field, text))?;
    let value = |column: &usize| settled.iter().find(|(c, _)| c == column).map(|(_, v)| v.clone());
    // Compiling made sure that the variables cover the key.
    Ok(resource.key.iter().filter_map(value).collect())
}

/// The columns behind a name of the resource's own.
pub fn own(resource: &Resource, name: &str) -> Result<Settled, String> {
    let patterns: Vec<&[NameSegment]> = resource.names.iter().map(|p| p.segments.as_slice()).collect();
    settle(resource, &patterns, name, Wildcard::Refused)
}

/// The columns of `resource` behind another row's name.
pub fn reference(resource: &Resource, pattern: &NamePattern, name: &str) -> Result<Settled, String> {
    settle(resource, &[pattern.segments.as_slice()], name, Wildcard::Refused)
}

/// A List's `parent`: the pattern without its last collection and id. Where a pattern has no
/// parent, an empty one means all rows.
pub fn parent(resource: &Resource, name: &str, field: &str) -> Result<Settled, Violation> {
    let parents: Vec<&[NameSegment]> = resource.names.iter().filter_map(parent_of).collect();
    if name.is_empty() && parents.len() < resource.names.len() {
        return Ok(Vec::new());
    }
    settle(resource, &parents, name, Wildcard::MeansAll)
        .map_err(|text| Violation::new(Reason::NameInvalid, field, text))
}

/// `albums/{album}` of `albums/{album}/tracks/{track}`; None at the top.
fn parent_of(pattern: &NamePattern) -> Option<&[NameSegment]> {
    let (_, rest) = pattern.segments.split_last()?;
    let (_, rest) = rest.split_last()?;
    (!rest.is_empty()).then_some(rest)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wildcard {
    Refused,
    MeansAll,
}

/// By the first pattern that the name is of.
fn settle(
    resource: &Resource,
    patterns: &[&[NameSegment]],
    name: &str,
    wildcard: Wildcard,
) -> Result<Settled, String> {
    let found = patterns.iter().find_map(|pattern| matches(resource, pattern, name, wildcard));
    found.unwrap_or_else(|| Err(mismatch(patterns, name)))
}

/// None when the name is not of this pattern at all.
fn matches(
    resource: &Resource,
    pattern: &[NameSegment],
    name: &str,
    wildcard: Wildcard,
) -> Option<Result<Settled, String>> {
    let given: Vec<&str> = name.split('/').collect();
    let literal = |(segment, given): (&NameSegment, &&str)| match segment {
        NameSegment::Literal(text) => text == given,
        NameSegment::Variable { .. } => true,
    };
    if given.len() != pattern.len() || !pattern.iter().zip(&given).all(literal) {
        return None;
    }
    let variables = pattern.iter().zip(&given).filter_map(|(segment, given)| match segment {
        NameSegment::Variable { variable, column } if *given != "-" || wildcard == Wildcard::Refused => {
            Some((variable, *column, *given))
        }
        _ => None,
    });
    Some(
        variables
            .map(|(variable, column, given)| Ok((column, value(resource, variable, column, given)?)))
            .collect(),
    )
}

fn value(resource: &Resource, variable: &str, column: usize, given: &str) -> Result<Bytes, String> {
    if given.is_empty() {
        return Err(format!("{{{variable}}} is empty"));
    }
    let decoded = percent_decode_str(given)
        .decode_utf8()
        .map_err(|_| format!("{{{variable}}} does not percent-decode to UTF-8"))?;
    let value = &resource.columns[column].value;
    let bytes =
        value.canonical(&decoded).map_err(|malformed| format!("{{{variable}}} {}", malformed.text))?;
    let mut written = String::new();
    super::projection::encode_segment(&decoded, &mut written);
    if written != given {
        return Err(format!("{{{variable}}} is not in its canonical form: write {written:?}"));
    }
    Ok(bytes)
}

fn mismatch(patterns: &[&[NameSegment]], name: &str) -> String {
    let patterns: Vec<String> = patterns.iter().map(|segments| format!("{:?}", written(segments))).collect();
    match name {
        "" => format!("is empty: give a name like {}", patterns.join(" or ")),
        _ => format!("{name:?} is not of the form {}", patterns.join(" or ")),
    }
}

fn written(segments: &[NameSegment]) -> String {
    let parts: Vec<String> = segments
        .iter()
        .map(|segment| match segment {
            NameSegment::Literal(text) => text.clone(),
            NameSegment::Variable { variable, .. } => format!("{{{variable}}}"),
        })
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::damage::{self, timed};
    use crate::plan::Plans;
    use crate::plan::fixture::{Database, resource};

    fn plans(pattern: &str, columns: &str) -> Plans {
        let contract = format!(
            r#"service Shop {{ rpc GetTrack(GetTrackRequest) returns (Track); }}
            message GetTrackRequest {{ string name = 1; }}
            message Track {{
              option (google.api.resource) = {{ type: "shop.example.com/Track" {pattern} }};
              string name = 1;
            }}"#
        );
        let (plans, report) = Database::new().table("track", columns).compile(&contract);
        assert_eq!(report.problems, []);
        plans
    }

    fn texts(resource: &Resource, settled: &[(usize, Bytes)]) -> Vec<String> {
        let text = |(column, bytes): &(usize, Bytes)| {
            let mut text = String::new();
            resource.columns[*column].value.format(bytes, &mut text);
            text
        };
        settled.iter().map(text).collect()
    }

    #[test]
    fn a_name_is_read_in_the_keys_order() {
        let plans =
            plans("pattern: \"albums/{album}/tracks/{number}\"", "number int4 key, album_id text key");
        let track = &plans.resources[resource(&plans, "Track")];
        let key = bind(track, "albums/a%2Fb/tracks/7", "name").unwrap();
        let key: Vec<(usize, Bytes)> = track.key.iter().copied().zip(key).collect();
        assert_eq!(texts(track, &key), ["7", "a/b"]);
        assert_eq!(
            track.name_of_key(&key.into_iter().map(|(_, b)| b).collect::<Vec<_>>()),
            "albums/a%2Fb/tracks/7"
        );
    }

    #[test]
    fn only_the_canonical_form_is_a_name() {
        let plans = plans("pattern: \"tracks/{id}\"", "id text key");
        let track = &plans.resources[resource(&plans, "Track")];
        for (name, why) in [
            ("", "is empty: give a name like \"tracks/{id}\""),
            ("tracks", "\"tracks\" is not of the form \"tracks/{id}\""),
            ("tracks/a/b", "\"tracks/a/b\" is not of the form \"tracks/{id}\""),
            ("albums/a", "\"albums/a\" is not of the form \"tracks/{id}\""),
            ("tracks/", "{id} is empty"),
            ("tracks/-", "{id} is not in its canonical form: write \"%2D\""),
            ("tracks/%61", "{id} is not in its canonical form: write \"a\""),
            ("tracks/%2f", "{id} is not in its canonical form: write \"%2F\""),
            ("tracks/ü", "{id} is not in its canonical form: write \"%C3%BC\""),
            ("tracks/%FF", "{id} does not percent-decode to UTF-8"),
        ] {
            let refused = bind(track, name, "name").unwrap_err();
            assert_eq!((refused.reason, refused.description.as_str()), (Reason::NameInvalid, why));
        }
        for name in ["tracks/a", "tracks/%2D", "tracks/%C3%BC", "tracks/~._x"] {
            let key = bind(track, name, "name").unwrap();
            assert_eq!(track.name_of_key(&key), name);
        }
    }

    #[test]
    fn any_of_several_patterns_names_a_row() {
        let patterns = "pattern: \"tracks/{id}\" pattern: \"songs/{id}\"";
        let plans = plans(patterns, "id int8 key");
        let track = &plans.resources[resource(&plans, "Track")];
        assert_eq!(bind(track, "songs/7", "name").unwrap(), bind(track, "tracks/7", "name").unwrap());
        assert_eq!(
            bind(track, "x/7", "name").unwrap_err().description,
            "\"x/7\" is not of the form \"tracks/{id}\" or \"songs/{id}\""
        );
    }

    #[test]
    fn a_parent_may_mean_all() {
        let plans = plans(
            "pattern: \"labels/{label}/albums/{album}/tracks/{id}\"",
            "label int8 key, album int8 key, id int8 key",
        );
        let track = &plans.resources[resource(&plans, "Track")];
        let settled = |name: &str| parent(track, name, "parent").map(|settled| texts(track, &settled));
        assert_eq!(settled("labels/1/albums/2").unwrap(), ["1", "2"]);
        assert_eq!(settled("labels/-/albums/2").unwrap(), ["2"]);
        assert_eq!(settled("labels/-/albums/-").unwrap(), Vec::<String>::new());
        assert_eq!(
            settled("").unwrap_err().description,
            "is empty: give a name like \"labels/{label}/albums/{album}\""
        );
    }

    #[test]
    fn where_a_pattern_has_no_parent_an_empty_one_means_all() {
        let patterns = "pattern: \"tracks/{id}\" pattern: \"shops/main/tracks/{id}\"";
        let plans = plans(patterns, "id int8 key");
        let track = &plans.resources[resource(&plans, "Track")];
        assert_eq!(parent(track, "", "parent").unwrap(), []);
        assert_eq!(parent(track, "shops/main", "parent").unwrap(), []);
    }
    static PLANS: LazyLock<Plans> = LazyLock::new(|| {
        let columns = "album text key, disc uuid key, number int8 key";
        plans("pattern: \"albums/{album}/discs/{disc}/tracks/{number}\"", columns)
    });

    const NAMES: [&str; 4] = [
        "albums/a/discs/6f1b3c52-3a9e-4f64-9d0c-0d2b7e5f8a11/tracks/7",
        "albums/%C3%BC%2Fx/discs/00000000-0000-0000-0000-000000000000/tracks/-9223372036854775808",
        "albums/-/discs/-",
        "albums/a~._x",
    ];

    proptest! {
        #[test]
        fn any_damage_to_a_name_is_a_row_of_that_one_name_or_refused(name in damage::texts(NAMES)) {
            let track = &PLANS.resources[resource(&PLANS, "Track")];
            if let Ok(key) = timed(&name, || bind(track, &name, "name")) {
                prop_assert_eq!(track.name_of_key(&key), name.clone());
            }
            if let Ok(settled) = timed(&name, || parent(track, &name, "parent")) {
                prop_assert!(settled.len() <= 2);
            }
        }

        #[test]
        fn any_key_is_found_by_its_name(album in "\\PC{1,20}", disc in any::<[u8; 16]>(), number in any::<i64>()) {
            let track = &PLANS.resources[resource(&PLANS, "Track")];
            let key = [Bytes::from(album), disc.to_vec().into(), number.to_be_bytes().to_vec().into()];
            prop_assert_eq!(bind(track, &track.name_of_key(&key), "name"), Ok(key.to_vec()));
        }
    }
}
