//! A name that is not known → the known one that was probably meant.

/// A longer name was meant to be no other, and to find that out would take long.
const NAME_BYTES_MAX: usize = 256;

/// The known name that takes the fewest edits; None when all are too different.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let far = (1 + length / 3).min(length / 2);
    known
        .filter(|_| name.len() <= NAME_BYTES_MAX)
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(edits, _)| *edits <= far)
        .min()
        .map(|(_, known)| known)
}

/// `; did you mean "length"?`, or nothing.
pub fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map_or(String::new(), |near| format!("; did you mean {near:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_near() {
        let known = ["length", "title", "unit_price"];
        assert_eq!(nearest("lenght", known.into_iter()), Some("length"));
        assert_eq!(nearest("unitprice", known.into_iter()), Some("unit_price"));
        assert_eq!(nearest("colour", known.into_iter()), None);
        assert_eq!(nearest("x", ["y"].into_iter()), None);
        assert_eq!(hint("titel", known.into_iter()), "; did you mean \"title\"?");
        assert_eq!(hint("x".repeat(1 << 20).as_str(), known.into_iter()), "");
    }
}
