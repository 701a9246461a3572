//! A conversation from its first message to its last, a page at a time.

use super::{Desk, page::PageCursor};
use crate::{
    domain::{
        error::DeskError,
        ids::ThreadId,
        message::Message,
        thread::{Conversation, Thread},
    },
    server::plain::operations::Page,
};
use futures::{Stream, stream};
use std::sync::Arc;

/// More pages than this, of 50 entries, are not read for one transcript.
const MOST_PAGES: usize = 400;

/// A conversation that is about to be read.
#[derive(Debug)]
pub struct Transcript {
    desk: Desk,
    newest: Arc<Conversation>,
}

/// A piece of it.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// The messages that come next, oldest first.
    Messages(Vec<Message>),
    /// There is more than one transcript holds; this is the last piece.
    CutOff,
}

enum Next {
    /// It fits on one page, which is there.
    Whole(Arc<Conversation>),
    At(Page, usize),
    CutOff,
    End,
}

impl Desk {
    /// Begins to read a conversation whole.
    pub async fn transcript(&self, thread: &ThreadId) -> Result<Transcript, DeskError> {
        Ok(Transcript { desk: self.clone(), newest: self.opened(thread).await? })
    }
}

impl Transcript {
    /// What it is about.
    pub fn thread(&self) -> &Thread {
        &self.newest.thread
    }

    /// All messages in order, read from Plain as they are asked for; never more than a page is held.
    pub fn pieces(self) -> impl Stream<Item = Result<Piece, DeskError>> + Send + 'static {
        let Self { desk, newest } = self;
        let thread = newest.thread.id.clone();
        let first = match newest.older {
            None => Next::Whole(newest),
            Some(_) => Next::At(desk.0.order.get().oldest_end(), MOST_PAGES),
        };
        stream::try_unfold((desk, thread, first), |(desk, thread, next)| async move {
            let (piece, next) = match next {
                Next::Whole(page) => (Piece::Messages(page.messages.clone()), Next::End),
                Next::At(page, left) => {
                    let (page, newer) = desk.page_at(&thread, page).await?;
                    let next = match newer.as_ref().map(PageCursor::newer) {
                        Some(_) if left <= 1 => Next::CutOff,
                        Some(newer) => Next::At(newer, left - 1),
                        None => Next::End,
                    };
                    (Piece::Messages(page.messages), next)
                }
                Next::CutOff => (Piece::CutOff, Next::End),
                Next::End => return Ok(None),
            };
            Ok(Some((piece, (desk, thread, next))))
        })
    }
}
