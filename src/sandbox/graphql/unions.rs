//! Takes fragments on union types out of a document. The engine's dynamic schemas apply a fragment to
//! objects of exactly its type, so `fragment Who on Actor` would silently select nothing; written in place
//! without the condition it means the same.

use std::collections::HashSet;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, InlineFragment, OperationType, Selection, SelectionSet,
    TypeKind,
};

use super::sdl::{SDL, named};

/// Deeper nesting than this is a cycle or abuse; the engine refuses either.
const DEEPEST: usize = 32;

/// The same document without fragments on unions.
pub fn flattened(document: ExecutableDocument) -> ExecutableDocument {
    let mut made = document.clone();
    let mut whole = true;
    let operations: Vec<_> = match &mut made.operations {
        DocumentOperations::Single(one) => vec![one],
        DocumentOperations::Multiple(named) => named.values_mut().collect(),
    };
    for operation in operations {
        let root = match operation.node.ty {
            OperationType::Mutation => "Mutation",
            _ => "Query",
        };
        whole &= flatten(&document, &mut operation.node.selection_set.node, root, 0);
    }
    for fragment in made.fragments.values_mut() {
        let on = fragment.node.type_condition.node.on.node.to_string();
        whole &= flatten(&document, &mut fragment.node.selection_set.node, &on, 0);
    }
    if !whole {
        return document;
    }
    // What is written in place, or was dropped there, would count as unused now. What was unused before stays, to
    // be refused.
    let (before, after) = (reached(&document), reached(&made));
    made.fragments
        .retain(|name, _| after.contains(name.as_str()) || !before.contains(name.as_str()));
    made
}

/// The fragments that the operations use, directly or through others.
fn reached(document: &ExecutableDocument) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut open: Vec<&SelectionSet> =
        document.operations.iter().map(|(_, it)| &it.node.selection_set.node).collect();
    while let Some(set) = open.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => open.push(&field.node.selection_set.node),
                Selection::InlineFragment(inline) => open.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if found.insert(name.to_string())
                        && let Some(fragment) = document.fragments.get(name)
                    {
                        open.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    found
}

/// The members of a union; none for anything else.
fn members(name: &str) -> Option<Vec<&str>> {
    match SDL.types.get(name) {
        Some(TypeKind::Union(union)) => {
            Some(union.members.iter().map(|it| it.node.as_str()).collect())
        }
        _ => None,
    }
}

/// Rewrites the selections of an object or union. Answers whether all of it could be done.
fn flatten(
    document: &ExecutableDocument,
    set: &mut SelectionSet,
    owner: &str,
    depth: usize,
) -> bool {
    if depth > DEEPEST {
        return false;
    }
    set.items.iter_mut().all(|item| {
        if let Selection::FragmentSpread(spread) = &item.node
            && let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node)
            && members(&fragment.node.type_condition.node.on.node).is_some()
        {
            let inline = InlineFragment {
                type_condition: Some(fragment.node.type_condition.clone()),
                directives: spread.node.directives.clone(),
                selection_set: fragment.node.selection_set.clone(),
            };
            item.node = Selection::InlineFragment(Positioned::new(inline, spread.pos));
        }
        match &mut item.node {
            Selection::Field(field) => {
                let ty = SDL
                    .field(owner, &field.node.name.node)
                    .map(|it| named(&it.ty.node).to_string());
                let ty = ty.unwrap_or_default();
                flatten(document, &mut field.node.selection_set.node, &ty, depth + 1)
            }
            Selection::InlineFragment(inline) => {
                let on = inline.node.type_condition.as_ref().map(|it| it.node.on.node.to_string());
                let on = on.unwrap_or_else(|| owner.to_string());
                let body = &mut inline.node.selection_set.node;
                if members(&on).is_none() {
                    return flatten(document, body, &on, depth + 1);
                }
                inline.node.type_condition = None;
                if on != owner {
                    // A fragment on `Actor` where only an `InternalActor` can be: what no object here can be
                    // selects nothing.
                    let here = members(owner).unwrap_or_else(|| vec![owner]);
                    body.items.retain(|it| match condition(document, &it.node) {
                        Some(name) => members(&name).is_some() || here.contains(&name.as_str()),
                        None => true,
                    });
                }
                flatten(document, body, owner, depth + 1)
            }
            Selection::FragmentSpread(_) => true,
        }
    })
}

/// The type that a fragment is on; none for a field or a fragment that there is not.
fn condition(document: &ExecutableDocument, selection: &Selection) -> Option<String> {
    let on = match selection {
        Selection::Field(_) => None,
        Selection::InlineFragment(inline) => inline.node.type_condition.as_ref(),
        Selection::FragmentSpread(spread) => document
            .fragments
            .get(&spread.node.fragment_name.node)
            .map(|fragment| &fragment.node.type_condition),
    };
    on.map(|it| it.node.on.node.to_string())
}

#[cfg(test)]
mod tests {
    use super::flattened;
    use async_graphql::parser::parse_query;

    #[test]
    fn fragments_on_unions_go_and_others_stay() {
        let document = parse_query(
            "{ thread(threadId: \"t\") { ...Parts } }
             fragment Parts on Thread { createdBy { ...Who } }
             fragment Who on Actor { ... on UserActor { userId } }
             fragment Unused on Actor { __typename }",
        );
        let made = flattened(document.unwrap());
        let mut names: Vec<_> = made.fragments.keys().map(|it| it.to_string()).collect();
        names.sort();
        assert_eq!(names, ["Parts", "Unused"]);
    }

    #[test]
    fn a_fragment_on_a_wider_union_loses_what_cannot_be() {
        let document = parse_query(
            "{ labelTypes { edges { node { createdBy { ...Who } } } } thread(threadId: 1) { createdBy { ...Who } } }
             fragment Who on Actor { __typename ... on UserActor { userId } ... on CustomerActor { customerId } }",
        );
        let text = format!("{:?}", flattened(document.unwrap()));
        // An `InternalActor` is never a customer; an `Actor` may be one.
        assert_eq!(text.matches("\"CustomerActor\"").count(), 1, "{text}");
        assert_eq!(text.matches("\"UserActor\"").count(), 2, "{text}");
    }
}
