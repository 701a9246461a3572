//! Fragments on a union, put where they are used. The engine compares a fragment's type with the object's own name
//! only, so `... on Actor` would select nothing of a `UserActor`; without its type condition the same selection
//! applies to every member, which is what a fragment on the union means.

use std::collections::HashMap;

use async_graphql::parser::types::{
    ExecutableDocument, FragmentDefinition, InlineFragment, Selection, SelectionSet, TypeKind,
};
use async_graphql::{Name, Positioned};

use super::sdl::SDL;

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Deeper nesting is left as it is; the engine refuses fragments that contain themselves.
const DEEPEST: usize = 24;

/// Rewrites a document; what it asks for stays the same.
pub fn unions(document: &mut ExecutableDocument) {
    let (on_unions, mut others): (Fragments, Fragments) = document
        .fragments
        .drain()
        .partition(|(_, it)| is_union(&it.node.type_condition.node.on.node));
    match &mut document.operations {
        async_graphql::parser::types::DocumentOperations::Single(operation) => {
            set(&mut operation.node.selection_set.node, &on_unions, 0);
        }
        async_graphql::parser::types::DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                set(&mut operation.node.selection_set.node, &on_unions, 0);
            }
        }
    }
    for fragment in others.values_mut() {
        set(&mut fragment.node.selection_set.node, &on_unions, 0);
    }
    document.fragments = others;
}

fn is_union(name: &Name) -> bool {
    matches!(SDL.types.get(name.as_str()), Some(TypeKind::Union(_)))
}

fn set(selections: &mut SelectionSet, on_unions: &Fragments, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    for selection in &mut selections.items {
        let spread = match &selection.node {
            Selection::FragmentSpread(spread) => {
                on_unions.get(&spread.node.fragment_name.node).map(|fragment| {
                    let inline = InlineFragment {
                        type_condition: None,
                        directives: spread.node.directives.clone(),
                        selection_set: fragment.node.selection_set.clone(),
                    };
                    Selection::InlineFragment(Positioned::new(inline, spread.pos))
                })
            }
            _ => None,
        };
        if let Some(inline) = spread {
            selection.node = inline;
        }
        match &mut selection.node {
            Selection::Field(field) => {
                set(&mut field.node.selection_set.node, on_unions, depth + 1)
            }
            Selection::InlineFragment(inline) => {
                if inline.node.type_condition.as_ref().is_some_and(|it| is_union(&it.node.on.node))
                {
                    inline.node.type_condition = None;
                }
                set(&mut inline.node.selection_set.node, on_unions, depth + 1);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    #[test]
    fn nested_fragments_on_unions_lose_their_condition_and_name() {
        let query = "{ thread(threadId: 1) { timelineEntries { edges { node { actor { ...Who } entry { ... on Entry { ...What } } } } } } }
            fragment Who on Actor { __typename ... on UserActor { ...Agent } }
            fragment What on Entry { __typename }
            fragment Agent on UserActor { userId }";
        let mut document = parse_query(query).unwrap();
        unions(&mut document);
        let names: Vec<&str> = document.fragments.keys().map(Name::as_str).collect();
        assert_eq!(names, ["Agent"]);
        let text = format!("{document:?}");
        assert!(!text.contains("\"Actor\"") && !text.contains("\"Entry\""), "{text}");
        assert!(text.contains("UserActor"));
    }
}
