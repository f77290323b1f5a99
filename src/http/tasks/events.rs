//! `GET /events`, `POST /events/ticket`

use poem::web::Data;
use poem_openapi::param::{Header, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::changes::ChangeView;
use crate::auth::permission::TasksRead;
use crate::domain::task::Changed;
use crate::domain::timestamp::Timestamp;
use crate::http::caller::{Authenticated, StreamCaller};
use crate::http::event_stream::{EventStream, Source, event};
use crate::http::param::{CursorParam, Faults, KindParam, TextParam};
use crate::http::payload::Json;
use crate::http::problem::Problem;
use crate::http::response_memory::{Room, kept};
use crate::http::{Api, Site};
use crate::service::{ChangeStream, Ending, Service, Step, StreamAsked};
use hyper::body::Bytes;
use std::sync::Arc;

/// Handlers for streams of changes.
pub(in crate::http) struct EventsApi;

/// Ticket for a stream.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct TicketView {
    /// Path of the stream, to which you may add `since` and `kinds`.
    url: String,
    /// Time until which the ticket must be used.
    expires_at: Timestamp,
}

impl Example for TicketView {
    fn example() -> Self {
        let url = "/api/v1/events?ticket=duly_st_0000000000000001".to_owned();
        Self { url, expires_at: crate::http::example_time() }
    }
}

/// Data of an event that names a cursor.
#[derive(Serialize)]
struct CursorData<'a> {
    cursor: &'a str,
}

/// Data of the last event.
#[derive(Serialize)]
struct EndData {
    reason: &'static str,
}

#[OpenApi(prefix_path = "/events", tag = "Api::Tasks")]
impl EventsApi {
    /// Stream changes
    ///
    /// Sends the changes of `GET /tasks/changes` as they happen, as
    /// [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html). The id of each event is the
    /// cursor behind it: a stream that is opened again with `Last-Event-ID` goes on without a gap.
    ///
    /// The first event is `ready`. A change is a `put` or a `delete`, with the change as data. `resync` means that you must
    /// drop the copy and begin anew with `GET /tasks/changes`. `bye` comes before the server closes the stream, after 30
    /// minutes at the latest. After 15 seconds without an event comes a comment with the present cursor as id.
    ///
    /// In a browser, use a ticket from `POST /events/ticket` instead of the `Authorization` header.
    #[oai(path = "/", method = "get", operation_id = "task_events")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn stream(
        &self,
        caller: StreamCaller,
        room: Room,
        service: Data<&Service>,
        site: Data<&Site>,
        /// Cursor of the last change that you know. Without it, the stream begins with the next change.
        since: Query<Option<CursorParam>>,
        /// Only changes of objects of this kind: `task`, `list` or `account`. If repeated, of these kinds.
        kinds: Query<Vec<KindParam>>,
        /// Ticket, instead of a credential in the `Authorization` header.
        #[oai(name = "ticket")]
        _ticket: Query<Option<TextParam>>,
        /// Id of the last event, if the stream is opened again. Counts instead of `since`.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<CursorParam>>,
    ) -> Result<EventStream, Problem> {
        let StreamCaller::Authenticated(caller, ticket) = caller else {
            return Ok(EventStream::Expired);
        };
        let mut faults = Faults::default();
        let kinds = faults.take("kinds", KindParam::parse(&kinds.0));
        let Some(kinds) = kinds else { return Err(faults.into_problem()) };
        let asked = StreamAsked {
            since: since.0.map(CursorParam::into_string),
            last_event: last_event_id.0.map(CursorParam::into_string),
            kinds,
        };
        let stopping: CancellationToken = site.stopping.clone();
        let stream = service.change_stream(*caller, &asked, ticket, stopping).await?;
        Ok(EventStream::open(ChangeSource { stream, room }))
    }

    /// Make a ticket for a stream
    ///
    /// For browsers, whose `EventSource` cannot send an `Authorization` header. Open `url` within 30 seconds. The ticket
    /// opens this one stream only; the browser may open it again with the same URL until the stream is 30 minutes old or
    /// your access has ended, and then gets 204, which ends an `EventSource`.
    #[oai(path = "/ticket", method = "post", operation_id = "task_events_ticket")]
    async fn ticket(
        &self,
        caller: Authenticated<TasksRead>,
        service: Data<&Service>,
        site: Data<&Site>,
    ) -> Result<Json<TicketView>, Problem> {
        let (ticket, expires_at) = service.ticket_make(&caller.0)?;
        let url = format!("{}/events?ticket={}", site.api_prefix, ticket.expose());
        Ok(Json(TicketView { url, expires_at }))
    }
}

/// Changes of an account as bytes of an event stream.
struct ChangeSource {
    stream: ChangeStream,
    room: Room,
}

impl Source for ChangeSource {
    async fn next(&mut self) -> Option<Bytes> {
        let step = self.stream.next().await?;
        Some(match step {
            Step::Ready(cursor, retry) => {
                let mut bytes = format!("retry: {retry}\n").into_bytes();
                bytes.extend(event(
                    "ready",
                    Some(&cursor),
                    &CursorData { cursor: &cursor },
                )?);
                bytes.into()
            }
            Step::Resync(cursor) => {
                event("resync", Some(&cursor), &CursorData { cursor: &cursor })?.into()
            }
            Step::Changes(changes) => self.changes(changes)?,
            // A browser keeps the id, but has no event.
            Step::Idle(cursor) => format!(":\nid: {cursor}\n\n").into(),
            Step::End(ending) => {
                event("bye", None, &EndData { reason: reason(ending) })?.into()
            }
        })
    }
}

impl ChangeSource {
    /// Renders changes. `None` if there is no memory for them: the client opens the stream again.
    fn changes(&self, changes: Vec<(Changed, String)>) -> Option<Bytes> {
        let memory = changes.iter().map(|(changed, _)| changed.memory()).sum();
        let share = Arc::new(self.room.take(memory).ok()?);
        let mut bytes = Vec::new();
        for (changed, cursor) in changes {
            let view = ChangeView::from(changed);
            bytes.extend(event(view.op_name(), Some(&cursor), &view)?);
        }
        Some(kept(bytes.into(), &share))
    }
}

const fn reason(ending: Ending) -> &'static str {
    match ending {
        Ending::Access => "access_ended",
        Ending::Time => "time",
        Ending::Replaced => "replaced",
        Ending::Stopping => "stopping",
    }
}
