//! What a filter or an order is refused with: the reason, the column, the words.

use rowcall::contract::options::Reason;
use rowcall::plan::{Violation, filter, order};

use crate::{request, store};

fn check(violation: Violation, reason: Reason, column: usize, text: &str) {
    assert_eq!((violation.reason, violation.column), (reason, Some(column)), "{violation:?}");
    assert!(violation.description.contains(text), "{violation:?} does not say {text:?}");
}

#[test]
fn filters_are_refused_with_their_place() {
    let plans = store::plans();
    let refused = |resource: &str, text: &str, column: usize, why: &str| {
        let bound = filter::bind(&plans, request::find(&plans, resource), text, &filter::Limits::default());
        match bound {
            Err(violation) => check(violation, Reason::FilterInvalid, column, why),
            Ok(bound) => panic!("{text} is bound to {bound:?}"),
        }
    };
    let track = |text: &str, column, why: &str| refused("Track", text, column, why);
    track("lenght > 200s", 1, "no field \"lenght\" in Track; did you mean \"length\"?");
    track("title = \"ü\" AND lenght > 200s", 17, "lenght");
    track("album_detail.titel = \"x\"", 14, "no field \"titel\" in Album; did you mean \"title\"?");
    track("jazz", 1, "stands alone");
    track("title = \"a\" jazz", 13, "stands alone");
    track("length > 12", 10, "write seconds");
    track("length > abc", 10, "no duration");
    track("mood > MOOD_SAD", 1, "use = or !=");
    track("mood = SADD", 8, "no value of Mood");
    track("mood = MOOD_UNSPECIFIED", 8, "stands for no label");
    track("live > true", 1, "use = or !=");
    track("live = yes", 8, "write true or false");
    track("nickname = \"a*\"", 1, "nondeterministic");
    track("nickname:\"a\"", 1, "nondeterministic");
    track("recorded_at > 2020-01-01T00:00:00Z", 15, "in quotes");
    track("recorded_at > \"yesterday\"", 15, "timestamptz");
    track("album = \"artists/7\"", 9, "albums/{album}");
    track("album = \"albums/07\"", 9, "canonical");
    track("album = \"albums/7*\"", 9, "no stars");
    track("in(name, \"*tracks/7\")", 10, "no stars");
    track("name = \"tracks/4*\"", 8, "no stars");
    track("album > \"albums/7\"", 1, "use = or !=");
    track("tags = \"x\"", 1, "many values");
    track("labels = \"x\"", 1, "is a map");
    track("studio.town = \"x\"", 8, "no field \"town\" in Place");
    track("title.x = \"x\"", 7, "has no fields");
    track("album_detail = \"albums/1\"", 1, "other rows");
    track("playlists.title > ", 19, "ends too early");
    track("title = null", 9, "null is no value");
    track("title = \"open", 9, "closing quote");
    track("title = \"a\\qb\"", 11, "no escape");
    track("(title = \"a\"", 13, "closing parenthesis");
    track("title = \"a\")", 12, "no place here");
    track("lower(title) = \"a\"", 1, "no function \"lower\"");
    track("in(title)", 1, "in takes a field");
    track("title = (\"a\" OR \"b\")", 1, "in(field");
    track("title = \"\\u0000\"", 9, "U+0000");
    track("attributes.x > true", 16, "use = or !=");
    track("\"title\" = \"a\"", 1, "no quotes");
    track(&"(".repeat(40), 1, "deeper than 32");
    refused(
        "Album",
        "name = \"albums/1\"",
        1,
        "not open to filters; these are: artist.albums.title, title, tracks.attributes.a, tracks.genre",
    );
    refused("Album", "tracks.title = \"x\"", 8, "not open to filters");
    refused("Album", "name:*", 1, "not open to filters");
    refused("Album", "in(name, \"albums/1\")", 4, "not open to filters");
    refused("Album", "artist:*", 1, "\"artist\" is not open to filters");
    refused("Album", "tracks.attributes.b = \"x\"", 8, "\"tracks.attributes.b\" is not open to filters");
    // What a resource closes is closed on the way through it, too.
    track(
        "album_detail.name = \"albums/1\"",
        1,
        "not open to filters; of Album these are: artist.albums.title, title, tracks.attributes.a, tracks.genre",
    );
    track("in(album_detail.name, \"albums/1\")", 4, "\"album_detail.name\" is not open to filters");
    track("album_detail.artist.title:a", 1, "\"album_detail.artist.title\" is not open to filters");
    track("album_detail.tracks.title = \"a\"", 21, "not open to filters");
    let many = vec!["title = \"a\""; 201].join(" OR ");
    track(&many, 15 * 200 + 1, "more than 200 comparisons");
    let limits = filter::Limits::default();
    let long = format!("title = \"{}\"", "a".repeat(limits.bytes_max));
    let violation = filter::bind(&plans, request::find(&plans, "Track"), &long, &limits).unwrap_err();
    assert!(violation.description.contains("at most 16384"), "{violation:?}");
}

#[test]
fn orders_are_refused_with_their_place() {
    let plans = store::plans();
    let refused = |resource: &str, text: &str, column: usize, why: &str| match order::bind(
        &plans,
        request::find(&plans, resource),
        text,
    ) {
        Err(violation) => check(violation, Reason::OrderInvalid, column, why),
        Ok(bound) => panic!("{text} is bound to {bound:?}"),
    };
    let track = |text: &str, column, why: &str| refused("Track", text, column, why);
    track("titel", 1, "no field \"titel\" in Track; did you mean \"title\"?");
    track("genre desc, titel", 13, "titel");
    track("album_detail.titel", 14, "no field \"titel\" in Album");
    track("title down", 7, "\"asc\", \"desc\" or a comma");
    track("title desc genre", 12, "a comma is missing before \"genre\"");
    track("title,,genre", 7, "name is missing");
    track("title, title desc", 8, "named twice");
    track("album_detail", 1, "another row");
    track("playlists.title", 1, "many rows");
    track("spot", 1, "has no order");
    track("document", 1, "has no order");
    track("score", 1, "has no order");
    track("title.x", 7, "no fields");
    refused("Album", "name", 1, "not open to orders; these are: artist.title, title");
    let long = format!("title,{}", " ".repeat(order::BYTES_MAX));
    let violation = order::bind(&plans, request::find(&plans, "Track"), &long).unwrap_err();
    assert!(violation.description.contains("at most 4096"), "{violation:?}");
    refused("Album", "title, artist.name", 8, "\"artist.name\" is not open to orders");
    track("album_detail.name", 1, "not open to orders; of Album these are: artist.title, title");
    track(
        "title, album_detail.artist.name",
        8,
        "not open to orders; of Album these are: artist.title, title",
    );
}

#[test]
fn what_is_open_is_open_from_everywhere() {
    let plans = store::plans();
    for (resource, text) in [
        ("Album", "title = \"a\" AND in(title, \"b\", \"c\") AND title:*"),
        ("Album", "tracks.genre = \"a\""),
        ("Album", "tracks.attributes.a = \"x\" AND tracks.attributes.a.b:*"),
        ("Album", "in(tracks.genre, \"a\") AND tracks.genre:*"),
        ("Track", "album_detail.title = \"a\" AND album_detail:* AND album_detail.tracks.genre:\"b\""),
        ("Artist", "albums.title:* AND albums:*"),
    ] {
        let bound = filter::bind(&plans, request::find(&plans, resource), text, &filter::Limits::default());
        assert!(bound.is_ok(), "{resource}: {text}: {bound:?}");
    }
    for (resource, text) in [("Album", "title desc"), ("Track", "album_detail.title, title")] {
        let bound = order::bind(&plans, request::find(&plans, resource), text);
        assert!(bound.is_ok(), "{resource}: {text}: {bound:?}");
    }
}

/// Any text is bound or refused, and never more.
#[test]
fn any_filter_is_bound_or_refused() {
    use proptest::prelude::*;
    let plans = store::plans();
    let track = request::find(&plans, "Track");
    let piece = prop_oneof![
        Just("title"),
        Just("length"),
        Just("tags"),
        Just("attributes.a.b"),
        Just("album_detail.title"),
        Just("playlists.title"),
        Just("labels.x"),
        Just("mood"),
        Just(" = "),
        Just(":"),
        Just(">="),
        Just(" AND "),
        Just(" OR "),
        Just("NOT "),
        Just("NOT("),
        Just("-"),
        Just("("),
        Just(")"),
        Just("\"a*\""),
        Just("*"),
        Just("200s"),
        Just("2.5"),
        Just("."),
        Just(","),
        Just("in("),
        Just("'é'"),
        Just("\\"),
        Just("\""),
        Just("ü"),
    ];
    let text = proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    proptest!(|(text in prop_oneof![text, any::<String>()])| {
        let _ = filter::bind(&plans, track, &text, &filter::Limits::default());
        let _ = order::bind(&plans, track, &text);
    });
}
