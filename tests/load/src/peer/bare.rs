//! Any request → the same account: what tonic itself costs.

use tonic::{Request, Response, Status};

use crate::api::account_service_server::{AccountService, AccountServiceServer};
use crate::api::*;

struct Bare {
    account: Account,
}

pub fn service() -> AccountServiceServer<impl AccountService> {
    // As many bytes as a row of the database.
    let account = Account { aid: 1_000_000, bid: 10, abalance: 1_000_000, filler: "x".repeat(84) };
    AccountServiceServer::new(Bare { account })
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
        Err(Status::unimplemented("only Get"))
    }

    async fn stream_accounts(
        &self,
        _: Request<StreamAccountsRequest>,
    ) -> Result<Response<Self::StreamAccountsStream>, Status> {
        Err(Status::unimplemented("only Get"))
    }
}
