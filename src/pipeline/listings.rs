//! Requests seen before → what they ask for, bound, and the key of its answer, since to bind a List and to name its
//! page costs more than to find it kept.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use moka::sync::Cache;
use rustc_hash::FxBuildHasher;

use super::keep::Terms;
use crate::cache::Key;
use crate::call::{Call, Hints, Scope};
use crate::error::Error;
use crate::plan::Method;
use crate::plan::bind::Listing;

/// Listings kept per load; those that are asked for least go first.
const LISTINGS_MAX: u64 = 512;

/// Of a request whose listing is kept: what is made of a filter takes many times its bytes.
const REQUEST_BYTES_MAX: usize = 1024;

/// A listing, and how answers to it may be kept.
#[derive(Debug)]
pub(super) struct Bound {
    pub listing: Listing,
    pub terms: Terms,
    key: OnceLock<Key>,
}

/// Those of one load.
#[derive(Debug)]
pub(super) struct Listings {
    kept: Cache<(String, Bytes), Arc<Bound>, FxBuildHasher>,
}

impl Default for Listings {
    fn default() -> Self {
        Listings { kept: Cache::builder().max_capacity(LISTINGS_MAX).build_with_hasher(FxBuildHasher) }
    }
}

impl Bound {
    pub fn new(listing: Listing, terms: Terms) -> Self {
        Bound { listing, terms, key: OnceLock::new() }
    }

    /// Made once.
    pub fn key(&self, make: impl FnOnce() -> Key) -> Key {
        *self.key.get_or_init(make)
    }
}

impl Listings {
    /// As it was bound before, or as `bind` does now.
    pub fn bound(
        &self,
        method: &Method,
        call: &Call,
        request: Bytes,
        bind: impl FnOnce(Bytes) -> Result<Bound, Error>,
    ) -> Result<Arc<Bound>, Error> {
        if request.len() > REQUEST_BYTES_MAX || !plain(call) {
            return bind(request).map(Arc::new);
        }
        let question = (method.path.clone(), request);
        if let Some(known) = self.kept.get(&question) {
            return Ok(known);
        }
        let (path, request) = question;
        // The request's own bytes are a part of what its connection has read.
        let own = Bytes::copy_from_slice(&request);
        let bound = Arc::new(bind(request)?);
        // A token has an age, which is looked at every time.
        if bound.listing.select.after.is_none() {
            self.kept.insert((path, own), bound.clone());
        }
        Ok(bound)
    }
}

/// Whether nothing but the request says what is asked for.
fn plain(call: &Call) -> bool {
    let Hints { read_mask, total, freshness: _ } = &call.hints;
    read_mask.is_none() && total.is_none() && call.scope == Scope::default()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use prost_reflect::{DynamicMessage, Value, prost::Message as _};

    use super::*;
    use crate::call::{Deadline, TotalWanted};
    use crate::pipeline::keep::Defaults;
    use crate::plan::bind::{self, Context, Limits, Request};
    use crate::plan::fixture::{Database, resource};
    use crate::plan::token::{self, Keys, Position};
    use crate::plan::{Plans, Reach};

    const CONTRACT: &str = "
        service Shop { rpc ListBooks(ListBooksRequest) returns (ListBooksResponse); }
        message ListBooksRequest { int32 page_size = 1; string page_token = 2; }
        message ListBooksResponse { repeated Book books = 1; string next_page_token = 2; }
        message Book { option (rowcall.v1.table) = { name: \"book\" }; int64 id = 1; string title = 2; }
    ";
    const HOUR: Duration = Duration::from_secs(3_600);

    struct Shop {
        plans: Plans,
        keys: Keys,
        listings: Listings,
        now: u64,
    }

    fn shop() -> Shop {
        let (plans, _) = Database::new().table("book", "id int8 key, title text").compile(CONTRACT);
        Shop { plans, keys: Keys::new([7; 32], []), listings: Listings::default(), now: 1_000_000 }
    }

    fn call(hints: Hints) -> Call {
        let started = Instant::now();
        Call { started, deadline: Deadline::Default(HOUR), scope: Scope::default(), hints }
    }

    impl Shop {
        fn method(&self) -> &Method {
            self.plans.methods.values().next().expect("there is one")
        }

        fn request(&self, size: i32, token: &str) -> Bytes {
            let mut request = DynamicMessage::new(self.method().input.clone());
            request.set_field_by_name("page_size", Value::I32(size));
            request.set_field_by_name("page_token", Value::String(token.to_owned()));
            request.encode_to_vec().into()
        }

        fn bound(&self, request: &Bytes, hints: Hints) -> Result<Arc<Bound>, Error> {
            let (plans, method, call) = (&self.plans, self.method(), call(hints));
            let at = resource(plans, "Book");
            self.listings.bound(method, &call, request.clone(), |request| {
                let limits = &Limits::default();
                let (hints, scope, keys, now) = (&call.hints, &call.scope, &self.keys, self.now);
                let context = Context { plans, method, resource: at, hints, scope, limits, keys, now };
                let listing = bind::list(&context, Request::decode(plans, &method.input, request)?)?;
                let reach = Reach::of(plans, &listing.select, &listing.projection);
                let terms = Terms::of(plans, &reach, Defaults { ttl: HOUR, idle: HOUR });
                Ok(Bound::new(listing, terms))
            })
        }
    }

    #[test]
    fn the_same_request_is_bound_once_and_another_for_itself() {
        let shop = shop();
        let of = |size| shop.bound(&shop.request(size, ""), Hints::default()).unwrap();
        assert!(Arc::ptr_eq(&of(3), &of(3)));
        assert_eq!((of(3).listing.page, of(4).listing.page), (3, 4));
    }

    #[test]
    fn what_metadata_asks_for_is_bound_for_itself() {
        let shop = shop();
        let request = shop.request(3, "");
        let plain = shop.bound(&request, Hints::default()).unwrap();
        let hints = Hints { total: Some(TotalWanted::Exact), ..Hints::default() };
        let counted = shop.bound(&request, hints).unwrap();
        assert_ne!(plain.listing.total, counted.listing.total);
    }

    #[test]
    fn a_token_grows_too_old_for_a_request_that_was_bound_before() {
        let mut shop = shop();
        let first = shop.bound(&shop.request(3, ""), Hints::default()).unwrap();
        let position = Position { values: vec![Some(Bytes::from_static(&[0; 8]))], total: None };
        let sealed = token::seal(&shop.keys, &first.listing.bound.binding(), &position, shop.now);
        let next = shop.request(3, &sealed);
        assert!(shop.bound(&next, Hints::default()).is_ok());
        shop.now += 365 * 24 * 3_600;
        assert!(shop.bound(&next, Hints::default()).is_err());
    }
}
