//! Relay pages: 25 by default, at most 100, one direction at a time.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

const DEFAULT: i64 = 25;
const MOST: i64 = 100;

/// Cuts a page out of `items` and renders only that. `id` names an item in cursors.
pub fn page<T>(
    items: &[T],
    args: &Value,
    id: impl Fn(&T) -> &str,
    mut render: impl FnMut(&T) -> Result<Value, String>,
) -> Result<Value, String> {
    let (first, last) = (args["first"].as_i64(), args["last"].as_i64());
    let (after, before) = (args["after"].as_str(), args["before"].as_str());
    let backward = last.is_some() || before.is_some();
    if backward && (first.is_some() || after.is_some()) {
        return Err("Either first and after, or last and before may be given.".into());
    }
    let size = first.or(last).unwrap_or(DEFAULT);
    if !(1..=MOST).contains(&size) {
        return Err(format!("A page holds 1 to {MOST} items."));
    }
    let size = size as usize;
    let at = |cursor: &str| {
        let bytes = BASE64_STANDARD.decode(cursor).map_err(|_| "The cursor is invalid.")?;
        let cursor: Value = serde_json::from_slice(&bytes).map_err(|_| "The cursor is invalid.")?;
        let place = cursor["n"].as_u64().ok_or("The cursor is invalid.")? as usize;
        // An item that has left the list meanwhile is remembered by its place.
        let found = items.iter().position(|item| Some(id(item)) == cursor["id"].as_str());
        Ok::<_, String>(found.unwrap_or(place.min(items.len())))
    };
    let range = if backward {
        let end = before.map(at).transpose()?.unwrap_or(items.len());
        end.saturating_sub(size)..end
    } else {
        let start = after.map(at).transpose()?.map_or(0, |place| (place + 1).min(items.len()));
        start..(start + size).min(items.len())
    };
    let mut edges = Vec::with_capacity(range.len());
    for (place, item) in items.iter().enumerate().take(range.end).skip(range.start) {
        let cursor = BASE64_STANDARD.encode(json!({"id": id(item), "n": place}).to_string());
        edges.push(json!({"cursor": cursor, "node": render(item)?}));
    }
    let cursor = |edge: Option<&Value>| edge.map(|edge| edge["cursor"].clone());
    Ok(json!({
        "pageInfo": {
            "hasPreviousPage": range.start > 0,
            "hasNextPage": range.end < items.len(),
            "startCursor": cursor(edges.first()),
            "endCursor": cursor(edges.last()),
        },
        "totalCount": items.len(),
        "edges": edges,
    }))
}

#[cfg(test)]
mod tests {
    use super::page;
    use serde_json::{Value, json};

    fn names(args: Value) -> Result<(Vec<String>, Value), String> {
        let items: Vec<String> = (0..30).map(|n| format!("i{n}")).collect();
        let made = page(&items, &args, |it| it, |it| Ok(json!(it)))?;
        let edges = made["edges"].as_array().unwrap();
        Ok((
            edges.iter().map(|e| e["node"].as_str().unwrap().into()).collect(),
            made["pageInfo"].clone(),
        ))
    }

    #[test]
    fn pages_follow_each_other_in_both_directions() {
        let (first, info) = names(json!({})).unwrap();
        assert_eq!((first.len(), &info["hasNextPage"]), (25, &json!(true)));
        let (second, info) = names(json!({"first": 10, "after": info["endCursor"]})).unwrap();
        assert_eq!((second[0].as_str(), second.len()), ("i25", 5));
        assert_eq!(info["hasNextPage"], false);
        let (back, info) = names(json!({"last": 3, "before": info["startCursor"]})).unwrap();
        assert_eq!(back, ["i22", "i23", "i24"]);
        assert_eq!(info["hasPreviousPage"], true);
    }

    #[test]
    fn mixed_directions_wrong_sizes_and_forged_cursors_are_refused() {
        assert!(names(json!({"first": 5, "before": "x"})).is_err());
        assert!(names(json!({"first": 101})).is_err());
        assert!(names(json!({"first": 0})).is_err());
        assert!(names(json!({"after": "not a cursor"})).is_err());
    }
}
