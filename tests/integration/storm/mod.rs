//! Callers leave by the hundred and by the thousand, and nobody who stays is hurt by it.

mod at_once;
mod at_random;
mod late;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::Client as Session;

use crate::errors_shop::written;
use crate::support::session::until;
use crate::support::{Client, Database, EMPTY, Failure, Local, database, serve};

const ROWS: i32 = 1_000;

const TABLES: &str = "
    CREATE TABLE thing (thing_id int PRIMARY KEY, title text NOT NULL);
    INSERT INTO thing SELECT n, 'thing ' || n FROM generate_series(1, 1000) AS n;
    CREATE FUNCTION nap(n int) RETURNS int LANGUAGE sql STABLE AS 'SELECT n FROM pg_sleep(30)';
    CREATE FUNCTION echo(n int) RETURNS int LANGUAGE sql STABLE AS 'SELECT n FROM pg_sleep(0.001)';
";

const CONTRACT: &str = r#"syntax = "proto3";
package storm.v1;
import "google/api/resource.proto";
import "rowcall/v1/options.proto";
service Storm {
  rpc GetThing(GetThingRequest) returns (Thing);
  rpc ListThings(ListThingsRequest) returns (ListThingsResponse);
  rpc Nap(NumberRequest) returns (Number) { option (rowcall.v1.method) = { routine: "nap" }; }
  rpc Echo(NumberRequest) returns (Number) { option (rowcall.v1.method) = { routine: "echo" }; }
}
message Thing {
  option (google.api.resource) = { type: "storm.example.com/Thing" pattern: "things/{thing}" plural: "things" singular: "thing" };
  option (rowcall.v1.table) = { order_fields: "name" };
  string name = 1;
  string title = 2;
}
message GetThingRequest { string name = 1; }
message ListThingsRequest { int32 page_size = 1; int32 skip = 2; }
message ListThingsResponse { repeated Thing things = 1; }
message NumberRequest { int32 n = 1; }
message Number { int32 number = 1; }
"#;

/// A server, and clients on connections of their own.
struct Storm {
    database: Database,
    clients: Vec<Client>,
    _local: Local,
    contract: TempDir,
}

/// Over a database of its own, which the server reaches by what `url` makes of it.
async fn storm(url: impl FnOnce(&Database) -> String, settings: &[(&str, &str)]) -> Storm {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let contract = written(CONTRACT);
    let local = serve(contract.path().to_str().expect("UTF-8"), &url(&database), settings).await;
    Storm { database, clients: vec![local.client.clone()], _local: local, contract }
}

impl Storm {
    async fn connect(&mut self, clients: usize) {
        let address = self._local.serving.address();
        for _ in 0..clients {
            self.clients.push(Client::connect(self.contract.path().to_owned(), address).await);
        }
    }

    /// The server processes of the pool, once it has so many and all are idle.
    async fn idle(&self, connections: usize) -> Vec<i32> {
        let idle = format!(
            "SELECT count(*) = {connections} AND bool_and(state = 'idle') FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'rowcall'"
        );
        until(&self.database, &idle).await;
        let processes = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                         AND application_name = 'rowcall' ORDER BY pid";
        let rows = self.database.client().await.query(processes, &[]).await.expect("the test's own SQL");
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// How many naps are being taken.
async fn naps(session: &Session) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND state = 'active' AND query LIKE '%nap%' AND pid <> pg_backend_pid()";
    session.query_one(count, &[]).await.expect("the test's own SQL").get(0)
}

/// A short call whose only right answer its own request says.
struct Short {
    method: &'static str,
    request: Value,
    answer: Value,
}

impl Short {
    fn any() -> Short {
        let id = rand::random_range(1..=ROWS);
        let thing = |id: i32| json!({"name": format!("things/{id}"), "title": format!("thing {id}")});
        match rand::random_range(0..3) {
            0 => Short {
                method: "GetThing",
                request: json!({"name": format!("things/{id}")}),
                answer: thing(id),
            },
            1 => Short {
                method: "ListThings",
                request: json!({"page_size": 1, "skip": id - 1}),
                answer: json!({"things": [thing(id)]}),
            },
            _ => Short { method: "Echo", request: json!({"n": id}), answer: json!({"number": id}) },
        }
    }

    /// Whoever waits for it gets its answer, and nothing else.
    async fn call(&self, client: &Client) {
        let timeout = [("grpc-timeout", "60S")];
        let answered: Result<_, Failure> =
            client.call_with(self.method, self.request.clone(), &timeout).await;
        match answered {
            Ok(answer) => assert_eq!(answer.json(), self.answer),
            Err(failure) => panic!("{} {}: {failure:?}", self.method, self.request),
        }
    }
}
