//! Where in a form's tree something is.

use super::node::Node;

/// Where a node is: its place among its siblings, or an alternative, at each level.
pub(super) type Place = Vec<usize>;

/// The places of all leaves and lists.
pub(super) fn find(nodes: &[Node], place: &mut Place, leaves: &mut Vec<Place>, lists: &mut Vec<Place>) {
    for (at, node) in nodes.iter().enumerate() {
        place.push(at);
        match node {
            Node::Leaf { .. } => leaves.push(place.clone()),
            Node::Group { nodes, .. } => find(nodes, place, leaves, lists),
            Node::Items(items) => {
                lists.push(place.clone());
                find(&items.alternatives, place, leaves, lists);
            }
        }
        place.pop();
    }
}

pub(super) fn at<'n>(nodes: &'n [Node], place: &[usize]) -> Option<&'n Node> {
    let (first, rest) = place.split_first()?;
    let node = nodes.get(*first)?;
    match node {
        _ if rest.is_empty() => Some(node),
        Node::Leaf { .. } => None,
        Node::Group { nodes, .. } => at(nodes, rest),
        Node::Items(items) => at(&items.alternatives, rest),
    }
}

pub(super) fn at_mut<'n>(nodes: &'n mut [Node], place: &[usize]) -> Option<&'n mut Node> {
    let (first, rest) = place.split_first()?;
    let node = nodes.get_mut(*first)?;
    if rest.is_empty() {
        return Some(node);
    }
    match node {
        Node::Leaf { .. } => None,
        Node::Group { nodes, .. } => at_mut(nodes, rest),
        Node::Items(items) => at_mut(&mut items.alternatives, rest),
    }
}

/// The number of a leaf among all that are written; None if it is in no item that is.
pub(super) fn number_of(nodes: &[Node], place: &[usize]) -> Option<usize> {
    fn leaves(node: &Node) -> usize {
        match node {
            Node::Leaf { .. } => 1,
            Node::Group { nodes, .. } if nodes.is_empty() => 1,
            Node::Group { nodes, .. } => nodes.iter().map(leaves).sum(),
            Node::Items(items) => {
                items.usual.iter().filter_map(|&at| items.alternatives.get(at)).map(leaves).sum()
            }
        }
    }
    let (first, rest) = place.split_first()?;
    let before: usize = nodes.iter().take(*first).map(leaves).sum();
    let node = nodes.get(*first)?;
    let inside = match node {
        _ if rest.is_empty() => 0,
        Node::Leaf { .. } => return None,
        Node::Group { nodes, .. } => number_of(nodes, rest)?,
        Node::Items(items) => {
            let (alternative, rest) = rest.split_first()?;
            let nth = items.usual.iter().position(|at| at == alternative)?;
            let skipped = items.usual.iter().take(nth).filter_map(|&at| items.alternatives.get(at));
            let own = items.alternatives.get(*alternative..=*alternative)?;
            let within: Vec<usize> = std::iter::once(0).chain(rest.iter().copied()).collect();
            skipped.map(leaves).sum::<usize>() + number_of(own, &within)?
        }
    };
    Some(before + inside)
}
