//! Takes fragments on union types out of a document. The engine's dynamic schemas apply a fragment to
//! objects of exactly its type, so `fragment Who on Actor` would silently select nothing; written in place
//! without the condition it means the same.

use async_graphql::Positioned;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, InlineFragment, Selection, SelectionSet, TypeKind,
};

use super::sdl::SDL;

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
        whole &= flatten(&document, &mut operation.node.selection_set.node, 0);
    }
    for fragment in made.fragments.values_mut() {
        whole &= flatten(&document, &mut fragment.node.selection_set.node, 0);
    }
    if !whole {
        return document;
    }
    // Those that are written in place everywhere would count as unused. Unused ones stay, to be refused.
    let used = |name: &str| {
        let sets = document.operations.iter().map(|(_, it)| &it.node.selection_set.node);
        let others = document.fragments.values().map(|it| &it.node.selection_set.node);
        sets.chain(others).any(|set| spreads(set, name))
    };
    made.fragments
        .retain(|name, it| !is_union(&it.node.type_condition.node.on.node) || !used(name));
    made
}

fn is_union(name: &str) -> bool {
    matches!(SDL.types.get(name), Some(TypeKind::Union(_)))
}

/// Answers whether all of it could be done.
fn flatten(document: &ExecutableDocument, set: &mut SelectionSet, depth: usize) -> bool {
    if depth > DEEPEST {
        return false;
    }
    set.items.iter_mut().all(|item| {
        if let Selection::FragmentSpread(spread) = &item.node
            && let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node)
            && is_union(&fragment.node.type_condition.node.on.node)
        {
            let inline = InlineFragment {
                type_condition: None,
                directives: spread.node.directives.clone(),
                selection_set: fragment.node.selection_set.clone(),
            };
            item.node = Selection::InlineFragment(Positioned::new(inline, spread.pos));
        }
        match &mut item.node {
            Selection::Field(field) => {
                flatten(document, &mut field.node.selection_set.node, depth + 1)
            }
            Selection::InlineFragment(inline) => {
                let on = inline.node.type_condition.as_ref();
                if on.is_some_and(|it| is_union(&it.node.on.node)) {
                    inline.node.type_condition = None;
                }
                flatten(document, &mut inline.node.selection_set.node, depth + 1)
            }
            Selection::FragmentSpread(_) => true,
        }
    })
}

fn spreads(set: &SelectionSet, name: &str) -> bool {
    set.items.iter().any(|item| match &item.node {
        Selection::Field(field) => spreads(&field.node.selection_set.node, name),
        Selection::InlineFragment(inline) => spreads(&inline.node.selection_set.node, name),
        Selection::FragmentSpread(spread) => spread.node.fragment_name.node == name,
    })
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
}
