//! Whether the team saw the visitor's last message: only what somebody of the team really did after it counts.
//!
//! | what happened | is told as |
//! |---|---|
//! | somebody answered | [`Sign::Answer`] |
//! | somebody of the team reacted to the message in Slack | [`Sign::Reaction`] |
//! | somebody began to work on the thread | [`Sign::InProgress`] |
//! | the thread was given to somebody | [`Sign::Assigned`] |
//!
//! Of several the first of this table is told: it says most. Machines and rules see nothing, and who it was stays inside.

use super::mapping;
use crate::{
    domain::{
        ids::EntryId,
        message::{Message, Role},
        thread::{Seen, Sign},
        time::At,
    },
    server::plain::operations::{
        Timeline,
        conversation::wire::{GivenReaction, GivenReactionActors, What},
    },
};
use std::collections::HashSet;

/// What a page of a timeline tells, besides its messages.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    begun: Option<At>,
    assigned: Option<At>,
    /// Entries to which somebody of the team reacted.
    reacted: HashSet<EntryId>,
}

impl Evidence {
    /// `turned`: when the thread last changed its state.
    pub(super) fn of(timeline: &Timeline, turned: Option<At>) -> Self {
        let signs = &timeline.signs;
        let items = timeline.items.iter().map(|(_, item)| item);
        let reacted = items.filter(|item| match &item.entry {
            What::SlackMessageEntry(slack) => is_by_the_team(&slack.reactions),
            What::SlackReplyEntry(slack) => is_by_the_team(&slack.reactions),
            _ => false,
        });
        Self {
            begun: turned.filter(|_| signs.in_progress),
            assigned: signs.assigned_at.as_deref().and_then(mapping::at),
            reacted: reacted.filter_map(|item| EntryId::parse(&*item.id).ok()).collect(),
        }
    }

    /// What is known of the last message of the visitor's among the newest.
    pub(super) fn seen(self, messages: &[Message]) -> Option<Seen> {
        let last = messages.iter().rposition(|message| message.author.me)?;
        let (message, after) = messages.get(last..)?.split_first()?;
        let later = |at: &Option<At>| at.clone().filter(|at| *at >= message.at);
        let answer = after
            .iter()
            .find(|message| message.author.role == Role::Agent && message.turned.is_none());
        let signs = [
            (Sign::Answer, answer.map(|answer| answer.at.clone())),
            // Slack does not say when.
            (
                Sign::Reaction,
                self.reacted.contains(&message.id).then(|| message.updated_at.clone()),
            ),
            (Sign::InProgress, later(&self.begun)),
            (Sign::Assigned, later(&self.assigned)),
        ];
        signs.into_iter().find_map(|(sign, at)| Some(Seen { sign, at: at? }))
    }
}

fn is_by_the_team(reactions: &[GivenReaction]) -> bool {
    let mut actors = reactions.iter().flat_map(|reaction| &reaction.actors);
    actors.any(|actor| matches!(actor, GivenReactionActors::UserActor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{message::Author, thread::Status};

    fn at(ms: i64) -> At {
        At::from_millis(ms)
    }

    fn said(ms: i64, role: Role, me: bool) -> Message {
        Message {
            id: EntryId::parse(format!("t_{ms:026}")).unwrap(),
            source_id: None,
            author: Author { name: String::new(), role, me, avatar_url: None },
            text: "x".into(),
            html: None,
            at: at(ms),
            updated_at: at(ms),
            edited: false,
            deleted: false,
            attachments: Vec::new(),
            reactions: Vec::new(),
            turned: None,
        }
    }

    fn mine(ms: i64) -> Message {
        said(ms, Role::Customer, true)
    }

    fn seen(evidence: Evidence, messages: &[Message]) -> Option<(Sign, At)> {
        evidence.seen(messages).map(|seen| (seen.sign, seen.at))
    }

    #[test]
    fn nothing_is_made_up() {
        assert_eq!(seen(Evidence::default(), &[]), None);
        assert_eq!(seen(Evidence::default(), &[mine(5)]), None);
        let assigned = || Evidence { assigned: Some(at(9)), ..Evidence::default() };
        assert_eq!(seen(assigned(), &[said(1, Role::Agent, false)]), None, "nothing to be seen");
        assert_eq!(seen(assigned(), &[mine(10)]), None, "it was before the message");
        // Neither a machine nor the desk nor another customer answers for the team, and no line of the thread's own.
        let mut turned = said(8, Role::Agent, false);
        turned.turned = Some(Status::Done);
        let others = [Role::Bot, Role::System, Role::Customer].map(|role| said(7, role, false));
        let all = [&[mine(5)], &others[..], &[turned]].concat();
        assert_eq!(seen(Evidence::default(), &all), None);
    }

    #[test]
    fn the_sign_that_says_most_is_told() {
        let evidence = || Evidence {
            assigned: Some(at(11)),
            begun: Some(at(12)),
            reacted: HashSet::from([mine(10).id]),
        };
        let first = said(20, Role::Agent, false);
        let all = [mine(10), first, said(30, Role::Agent, false)];
        assert_eq!(seen(evidence(), &all), Some((Sign::Answer, at(20))), "the first answer");
        assert_eq!(seen(evidence(), &all[..1]), Some((Sign::Reaction, at(10))));
        let unanswered = [&all[..], &[mine(40)]].concat();
        assert_eq!(seen(evidence(), &unanswered), None, "all of it was before this message");
        let begun = Evidence { reacted: HashSet::new(), ..evidence() };
        assert_eq!(seen(begun, &all[..1]), Some((Sign::InProgress, at(12))));
        let assigned = Evidence { reacted: HashSet::new(), begun: None, ..evidence() };
        assert_eq!(seen(assigned, &all[..1]), Some((Sign::Assigned, at(11))));
        let same_moment = Evidence { assigned: Some(at(10)), ..Evidence::default() };
        assert_eq!(seen(same_moment, &all[..1]), Some((Sign::Assigned, at(10))));
    }
}
