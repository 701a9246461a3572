//! Whether fields with the same response name can be merged even when they sit in different members of a
//! union: their types must have the same shape. The engine checks names and arguments only; Plain refuses
//! `ChatEntry.text` (nullable) beside `NoteEntry.text` (not) unless one has an alias.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, OperationType, Selection, SelectionSet, Type,
};

use super::sdl::{SDL, named};

type Found<'a> = HashMap<&'a str, Vec<(&'a Field, &'a Type)>>;

/// The first conflict, in words, if there is one.
pub fn conflict(document: &ExecutableDocument) -> Option<String> {
    document.operations.iter().find_map(|(_, operation)| {
        let root = match operation.node.ty {
            OperationType::Mutation => "Mutation",
            _ => "Query",
        };
        check(document, &[(root, &operation.node.selection_set)], 0)
    })
}

/// Checks the selections that one response object is made of.
fn check(
    document: &ExecutableDocument,
    sets: &[(&str, &Positioned<SelectionSet>)],
    depth: usize,
) -> Option<String> {
    if depth > 32 {
        return None;
    }
    let mut found = Found::new();
    for (owner, set) in sets {
        collect(document, owner, &set.node, &mut found, 0);
    }
    for (name, fields) in &found {
        let (first, rest) = fields.split_first()?;
        if let Some((other, _)) = rest.iter().find(|(_, ty)| !same_shape(first.1, ty)) {
            return Some(format!(
                "Fields \"{name}\" conflict because \"{}\" and \"{}\" return conflicting types. \
                 Use different aliases on the fields to fetch both if this was intentional.",
                first.0.name.node, other.name.node
            ));
        }
        let nested: Vec<_> = fields
            .iter()
            .filter(|(field, _)| !field.selection_set.node.items.is_empty())
            .map(|(field, ty)| (named(ty).as_str(), &field.selection_set))
            .collect();
        if !nested.is_empty()
            && let Some(problem) = check(document, &nested, depth + 1)
        {
            return Some(problem);
        }
    }
    None
}

fn collect<'a>(
    document: &'a ExecutableDocument,
    owner: &str,
    set: &'a SelectionSet,
    found: &mut Found<'a>,
    depth: usize,
) {
    // Fragments that contain themselves are the engine's to refuse.
    if depth > 32 {
        return;
    }
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                if let Some(definition) = SDL.field(owner, &field.node.name.node) {
                    found
                        .entry(field.node.response_key().node.as_str())
                        .or_default()
                        .push((&field.node, &definition.ty.node));
                }
            }
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.as_ref();
                let owner = on.map_or(owner, |it| it.node.on.node.as_str());
                collect(document, owner, &fragment.node.selection_set.node, found, depth + 1);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    let owner = fragment.node.type_condition.node.on.node.as_str();
                    collect(document, owner, &fragment.node.selection_set.node, found, depth + 1);
                }
            }
        }
    }
}

fn same_shape(a: &Type, b: &Type) -> bool {
    a.nullable == b.nullable
        && match (&a.base, &b.base) {
            (BaseType::List(a), BaseType::List(b)) => same_shape(a, b),
            (BaseType::Named(a), BaseType::Named(b)) => {
                a == b || (SDL.is_composite(a) && SDL.is_composite(b))
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::conflict;
    use async_graphql::parser::parse_query;

    fn entries(selection: &str) -> Option<String> {
        let query = format!(
            "{{ thread(threadId: \"th\") {{ timelineEntries {{ edges {{ node {{ entry {{ {selection} }} }} }} }} }} }}"
        );
        conflict(&parse_query(query).unwrap())
    }

    #[test]
    fn nullable_and_non_null_text_need_an_alias() {
        let problem = entries("... on ChatEntry { text } ... on NoteEntry { text }");
        assert!(problem.unwrap().contains("conflict because"));
        assert_eq!(entries("... on ChatEntry { chatText: text } ... on NoteEntry { text }"), None);
        assert_eq!(entries("... on SlackReplyEntry { text } ... on NoteEntry { text }"), None);
    }
}
