//! Any request → the same account, or a page of a given size: what tonic itself costs.

use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::api::account_service_server::{AccountService, AccountServiceServer};
use crate::api::*;

struct Bare {
    account: Account,
    page: ListAccountsResponse,
}

pub fn service(page_bytes: usize) -> AccountServiceServer<impl AccountService> {
    // As many bytes as a row of the database.
    let account = Account { aid: 1_000_000, bid: 10, abalance: 1_000_000, filler: "x".repeat(84) };
    AccountServiceServer::new(Bare { account, page: page(page_bytes) })
}

/// One string, so that its size costs next to nothing but the bytes themselves.
fn page(bytes: usize) -> ListAccountsResponse {
    let of = |length: usize| ListAccountsResponse { accounts: vec![], next_page_token: "x".repeat(length) };
    let overhead = of(bytes).encoded_len() - bytes;
    of(bytes.saturating_sub(overhead))
}

#[tonic::async_trait]
impl AccountService for Bare {
    type StreamAccountsStream = tokio_stream::Empty<Result<StreamAccountsResponse, Status>>;

    async fn get_account(&self, _: Request<GetAccountRequest>) -> Result<Response<Account>, Status> {
        Ok(Response::new(self.account.clone()))
    }

    async fn list_accounts(
        &self,
        _: Request<ListAccountsRequest>,
    ) -> Result<Response<ListAccountsResponse>, Status> {
        Ok(Response::new(self.page.clone()))
    }

    async fn stream_accounts(
        &self,
        _: Request<StreamAccountsRequest>,
    ) -> Result<Response<Self::StreamAccountsStream>, Status> {
        Err(Status::unimplemented("only Get and List"))
    }
}
