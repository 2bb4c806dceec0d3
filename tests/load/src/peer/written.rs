//! The service that is written where there is no Rowcall: a pool, prepared statements, a struct per row.

use bb8::{Pool, PooledConnection};
use bb8_postgres::PostgresConnectionManager;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;
use tokio_postgres::NoTls;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

use super::row::{Manager, account};
use crate::api::account_service_server::{AccountService, AccountServiceServer};
use crate::api::*;

/// As many as Rowcall has.
pub const CONNECTIONS: u32 = 20;

/// Messages that may wait for the transport.
const AHEAD_MAX: usize = 4;

struct Written {
    pool: Pool<Manager>,
}

/// Compresses for callers who say that they accept it, as Rowcall does.
pub async fn service(
    database: &str,
    connections: u32,
) -> anyhow::Result<AccountServiceServer<impl AccountService>> {
    let manager = Manager(PostgresConnectionManager::new_from_stringlike(database, NoTls)?);
    // A test at each checkout would be a round trip for every call.
    let pool = Pool::builder().max_size(connections).min_idle(connections).test_on_check_out(false);
    let pool = pool.build(manager).await?;
    Ok(AccountServiceServer::new(Written { pool }).send_compressed(CompressionEncoding::Gzip))
}

#[tonic::async_trait]
impl AccountService for Written {
    type StreamAccountsStream = ReceiverStream<Result<StreamAccountsResponse, Status>>;

    async fn get_account(&self, request: Request<GetAccountRequest>) -> Result<Response<Account>, Status> {
        let aid = request.into_inner().aid;
        let connection = self.pool.get().await.map_err(unavailable)?;
        let row = connection.client.query_opt(&connection.get, &[&aid]).await.map_err(internal)?;
        let row = row.ok_or_else(|| Status::not_found(format!("no account {aid}")))?;
        Ok(Response::new(account(&row).map_err(internal)?))
    }

    async fn list_accounts(
        &self,
        request: Request<ListAccountsRequest>,
    ) -> Result<Response<ListAccountsResponse>, Status> {
        let request = request.into_inner();
        let (from, size) = (from(&request.filter, &request.page_token)?, request.page_size.clamp(1, 1000));
        let connection = self.pool.get().await.map_err(unavailable)?;
        let rows = connection.client.query(&connection.list, &[&from, &i64::from(size + 1)]).await;
        let rows = rows.map_err(internal)?;
        drop(connection);
        let page = rows.iter().take(size as usize).map(account).collect::<Result<Vec<_>, _>>();
        let next = rows.get(size as usize).map(account).transpose().map_err(internal)?;
        Ok(Response::new(ListAccountsResponse {
            accounts: page.map_err(internal)?,
            next_page_token: next.map(|next| next.aid.to_string()).unwrap_or_default(),
        }))
    }

    async fn stream_accounts(
        &self,
        request: Request<StreamAccountsRequest>,
    ) -> Result<Response<Self::StreamAccountsStream>, Status> {
        let request = request.into_inner();
        let (from, size) = (from(&request.filter, &request.resume_token)?, request.chunk_size.clamp(1, 1000));
        let connection = self.pool.get_owned().await.map_err(unavailable)?;
        let (sender, receiver) = mpsc::channel(AHEAD_MAX);
        tokio::spawn(async move {
            if let Err(status) = send(connection, from, size as usize, &sender).await {
                // Nobody is left to be told when this fails.
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// One query, whose connection is held until the caller has all rows.
async fn send(
    connection: PooledConnection<'static, Manager>,
    from: i32,
    size: usize,
    sender: &mpsc::Sender<Result<StreamAccountsResponse, Status>>,
) -> Result<(), Status> {
    let rows = connection.client.query_raw(&connection.stream, [from]).await.map_err(internal)?;
    let accounts = rows.map(|row| account(&row?));
    let mut chunks = std::pin::pin!(accounts.try_chunks(size));
    while let Some(chunk) = chunks.next().await {
        let accounts = chunk.map_err(|failed| internal(failed.1))?;
        let resume_token = accounts.last().map(|last| (last.aid + 1).to_string()).unwrap_or_default();
        if sender.send(Ok(StreamAccountsResponse { accounts, resume_token })).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The one filter it knows is `aid >= N`.
fn from(filter: &str, token: &str) -> Result<i32, Status> {
    let number = if token.is_empty() { filter.strip_prefix("aid >= ").unwrap_or_default() } else { token };
    number.parse().map_err(|_| Status::invalid_argument("a filter is `aid >= N`"))
}

fn unavailable(error: bb8::RunError<tokio_postgres::Error>) -> Status {
    Status::unavailable(error.to_string())
}

fn internal(error: tokio_postgres::Error) -> Status {
    Status::internal(error.to_string())
}
