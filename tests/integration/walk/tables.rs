//! What the contracts promise of each table, written down once more as SQL: the orders, and where
//! every field comes from.

use super::expected::Form::{self, *};

/// A table and how it is read.
pub struct Table {
    pub name: &'static str,
    /// As in `GetTrack` and `ListTracks`.
    pub one: &'static str,
    pub many: &'static str,
    /// The repeated field of the answers.
    pub rows: &'static str,
    pub naming: Naming,
    /// The parent that means all.
    pub parent: Option<&'static str>,
    /// The field, the columns it is made from, and how.
    pub fields: &'static [(&'static str, &'static str, Form)],
    /// `order_by`, and `ORDER BY`.
    pub orders: &'static [(&'static str, &'static str)],
}

/// What a Get says to name its row.
pub enum Naming {
    Name,
    Keys(&'static [&'static str]),
}

pub const BY_NAME: &[Table] = &[
    Table {
        name: "album",
        one: "Album",
        many: "Albums",
        rows: "albums",
        naming: Naming::Name,
        parent: None,
        fields: &[
            ("name", "album_id", Pattern("albums/{}")),
            ("title", "title", Text),
            ("artist", "artist_id", Pattern("artists/{}")),
        ],
        orders: &[
            ("", "album_id"),
            ("title desc", "title DESC, album_id DESC"),
            ("artist, title desc", "artist_id, title DESC, album_id DESC"),
            (
                "artist_detail.title desc, title",
                "(SELECT a.name FROM artist a WHERE a.artist_id = album.artist_id) DESC, title, album_id",
            ),
        ],
    },
    Table {
        name: "artist",
        one: "Artist",
        many: "Artists",
        rows: "artists",
        naming: Naming::Name,
        parent: None,
        fields: &[("name", "artist_id", Pattern("artists/{}")), ("title", "name", Optional)],
        orders: &[("", "artist_id"), ("name desc", "artist_id DESC"), ("title", "name, artist_id")],
    },
    Table {
        name: "customer",
        one: "Customer",
        many: "Customers",
        rows: "customers",
        naming: Naming::Name,
        parent: None,
        fields: &[
            ("name", "customer_id", Pattern("customers/{}")),
            ("given_name", "first_name", Text),
            ("family_name", "last_name", Text),
            ("company", "company", Optional),
            ("address", "address", Optional),
            ("city", "city", Optional),
            ("state", "state", Optional),
            ("country", "country", Optional),
            ("postal_code", "postal_code", Optional),
            ("phone", "phone", Optional),
            ("fax", "fax", Optional),
            ("email", "email", Text),
            ("support_rep", "support_rep_id", Pattern("employees/{}")),
        ],
        orders: &[
            ("", "customer_id"),
            ("company", "company, customer_id"),
            ("company desc", "company DESC, customer_id DESC"),
            ("state desc, company, city desc", "state DESC, company, city DESC, customer_id DESC"),
            (
                "support_rep_detail.manager_detail.family_name, country desc",
                "(SELECT m.last_name FROM employee e JOIN employee m ON m.employee_id = e.reports_to \
                 WHERE e.employee_id = customer.support_rep_id), country DESC, customer_id DESC",
            ),
        ],
    },
    Table {
        name: "employee",
        one: "Employee",
        many: "Employees",
        rows: "employees",
        naming: Naming::Name,
        parent: None,
        fields: &[
            ("name", "employee_id", Pattern("employees/{}")),
            ("given_name", "first_name", Text),
            ("family_name", "last_name", Text),
            ("title", "title", Optional),
            ("manager", "reports_to", Pattern("employees/{}")),
            ("birth_time", "birth_date", Time),
            ("hire_time", "hire_date", Time),
            ("address", "address", Optional),
            ("city", "city", Optional),
            ("state", "state", Optional),
            ("country", "country", Optional),
            ("postal_code", "postal_code", Optional),
            ("phone", "phone", Optional),
            ("fax", "fax", Optional),
            ("email", "email", Optional),
        ],
        orders: &[
            ("", "employee_id"),
            ("manager", "reports_to, employee_id"),
            ("manager desc, hire_time", "reports_to DESC, hire_date, employee_id"),
            (
                "manager_detail.manager_detail.family_name desc",
                "(SELECT b.last_name FROM employee m JOIN employee b ON b.employee_id = m.reports_to \
                 WHERE m.employee_id = employee.reports_to) DESC, employee_id DESC",
            ),
        ],
    },
    Table {
        name: "genre",
        one: "Genre",
        many: "Genres",
        rows: "genres",
        naming: Naming::Name,
        parent: None,
        fields: &[("name", "genre_id", Pattern("genres/{}")), ("title", "name", Optional)],
        orders: &[("", "genre_id"), ("title desc", "name DESC, genre_id DESC")],
    },
    Table {
        name: "invoice",
        one: "Invoice",
        many: "Invoices",
        rows: "invoices",
        naming: Naming::Name,
        parent: None,
        fields: &[
            ("name", "invoice_id", Pattern("invoices/{}")),
            ("customer", "customer_id", Pattern("customers/{}")),
            ("invoice_time", "invoice_date", Time),
            ("billing_address", "billing_address", Optional),
            ("billing_city", "billing_city", Optional),
            ("billing_state", "billing_state", Optional),
            ("billing_country", "billing_country", Optional),
            ("billing_postal_code", "billing_postal_code", Optional),
            ("total", "total", Text),
        ],
        orders: &[
            ("", "invoice_id"),
            ("total desc, invoice_time", "total DESC, invoice_date, invoice_id"),
            ("billing_state, total desc", "billing_state, total DESC, invoice_id DESC"),
            (
                "customer_detail.company desc, billing_postal_code",
                "(SELECT c.company FROM customer c WHERE c.customer_id = invoice.customer_id) DESC, \
                 billing_postal_code, invoice_id",
            ),
        ],
    },
    Table {
        name: "invoice_line",
        one: "InvoiceLine",
        many: "InvoiceLines",
        rows: "invoice_lines",
        naming: Naming::Name,
        parent: Some("invoices/-"),
        fields: &[
            ("name", "invoice_id invoice_line_id", Pattern("invoices/{}/lines/{}")),
            ("invoice", "invoice_id", Pattern("invoices/{}")),
            ("track", "track_id", Pattern("tracks/{}")),
            ("unit_price", "unit_price", Text),
            ("quantity", "quantity", Int),
        ],
        orders: &[
            ("", "invoice_id, invoice_line_id"),
            ("unit_price desc, track", "unit_price DESC, track_id, invoice_id, invoice_line_id"),
        ],
    },
    Table {
        name: "media_type",
        one: "MediaType",
        many: "MediaTypes",
        rows: "media_types",
        naming: Naming::Name,
        parent: None,
        fields: &[("name", "media_type_id", Pattern("mediaTypes/{}")), ("title", "name", Optional)],
        orders: &[("", "media_type_id"), ("title", "name, media_type_id")],
    },
    Table {
        name: "playlist",
        one: "Playlist",
        many: "Playlists",
        rows: "playlists",
        naming: Naming::Name,
        parent: None,
        fields: &[("name", "playlist_id", Pattern("playlists/{}")), ("title", "name", Optional)],
        orders: &[("", "playlist_id"), ("title desc", "name DESC, playlist_id DESC")],
    },
    Table {
        name: "playlist_track",
        one: "PlaylistTrack",
        many: "PlaylistTracks",
        rows: "playlist_tracks",
        naming: Naming::Name,
        parent: Some("playlists/-"),
        fields: &[
            ("name", "playlist_id track_id", Pattern("playlists/{}/tracks/{}")),
            ("playlist", "playlist_id", Pattern("playlists/{}")),
            ("track", "track_id", Pattern("tracks/{}")),
        ],
        orders: &[
            ("", "playlist_id, track_id"),
            (
                "track_detail.genre_detail.title desc, playlist",
                "(SELECT g.name FROM track t JOIN genre g USING (genre_id) \
                 WHERE t.track_id = playlist_track.track_id) DESC, playlist_id, track_id",
            ),
        ],
    },
    Table {
        name: "track",
        one: "Track",
        many: "Tracks",
        rows: "tracks",
        naming: Naming::Name,
        parent: None,
        fields: &[
            ("name", "track_id", Pattern("tracks/{}")),
            ("title", "name", Text),
            ("album", "album_id", Pattern("albums/{}")),
            ("composer", "composer", Optional),
            ("length", "milliseconds", Millis),
            ("unit_price", "unit_price", Text),
            ("genre", "genre_id", Pattern("genres/{}")),
            ("media_type", "media_type_id", Pattern("mediaTypes/{}")),
            ("size_bytes", "bytes", Int),
        ],
        orders: &[
            ("", "track_id"),
            ("composer, length desc", "composer, milliseconds DESC, track_id DESC"),
            ("composer desc", "composer DESC, track_id DESC"),
            (
                "unit_price desc, genre, composer desc",
                "unit_price DESC, genre_id, composer DESC, track_id DESC",
            ),
            (
                "album_detail.title desc, title",
                "(SELECT a.title FROM album a WHERE a.album_id = track.album_id) DESC, name, track_id",
            ),
            (
                "album_detail.artist_detail.title, album desc",
                "(SELECT r.name FROM album a JOIN artist r USING (artist_id) \
                 WHERE a.album_id = track.album_id), album_id DESC, track_id DESC",
            ),
        ],
    },
];

pub const BY_KEY: &[Table] = &[
    Table {
        name: "album",
        one: "Album",
        many: "Albums",
        rows: "albums",
        naming: Naming::Keys(&["album_id"]),
        parent: None,
        fields: &[("album_id", "album_id", Long), ("title", "title", Text), ("artist_id", "artist_id", Int)],
        orders: &[("album_id desc", "album_id DESC"), ("title", "title, album_id")],
    },
    Table {
        name: "employee",
        one: "Employee",
        many: "Employees",
        rows: "employees",
        naming: Naming::Keys(&["employee_id"]),
        parent: None,
        fields: &[
            ("employee_id", "employee_id", Int),
            ("last_name", "last_name", Text),
            ("first_name", "first_name", Text),
            ("title", "title", Optional),
            ("reports_to", "reports_to", Int),
            ("birth_date", "birth_date", Time),
            ("hire_date", "hire_date", Time),
            ("city", "city", Optional),
        ],
        orders: &[
            ("", "employee_id"),
            (
                "manager.last_name desc, city",
                "(SELECT m.last_name FROM employee m WHERE m.employee_id = employee.reports_to) DESC, \
                 city, employee_id",
            ),
        ],
    },
    Table {
        name: "playlist_track",
        one: "PlaylistTrack",
        many: "PlaylistTracks",
        rows: "playlist_tracks",
        naming: Naming::Keys(&["playlist_id", "track_id"]),
        parent: None,
        fields: &[("playlist_id", "playlist_id", Int), ("track_id", "track_id", Int)],
        orders: &[("track_id desc, playlist_id", "track_id DESC, playlist_id")],
    },
    Table {
        name: "track",
        one: "Track",
        many: "Tracks",
        rows: "tracks",
        naming: Naming::Keys(&["track_id"]),
        parent: None,
        fields: &[
            ("track_id", "track_id", Int),
            ("name", "name", Text),
            ("album_id", "album_id", Long),
            ("media_type_id", "media_type_id", Int),
            ("genre_id", "genre_id", Int),
            ("composer", "composer", Optional),
            ("length", "milliseconds", Millis),
            ("bytes", "bytes", Int),
            ("unit_price", "unit_price", Double),
        ],
        orders: &[
            ("name desc", "name DESC, track_id DESC"),
            (
                "album.title, name desc",
                "(SELECT a.title FROM album a WHERE a.album_id = track.album_id), name DESC, track_id DESC",
            ),
        ],
    },
];
