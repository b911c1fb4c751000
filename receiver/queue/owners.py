"""Which post a created incident belongs to."""
from typing import Any

from receiver.problems import escaped
from receiver.queue.posts import Post, text_of_details


def created_incidents(reply: Any) -> list[Any] | None:
    """Return the incidents in a reply to createIncidents, or None if it confirms no creation.

    The reply is documented as a list or a single dict. An empty list confirms that pre-process rules dropped every incident.
    """
    items = reply if isinstance(reply, list) else [reply]
    created = [item for item in items if isinstance(item, dict) and item.get('id')]
    return created if created or reply == [] else None


def error_beside(reply: Any) -> str:
    """Return the first error in a reply to createIncidents that stands in the place of an incident; '' if there is none."""
    items = [item for item in reply if isinstance(item, dict)] if isinstance(reply, list) else []
    return next((escaped(item['error']) for item in items if item.get('error') and not item.get('id')), '')


def shared_out(created: list[Any], posts: list[Post]) -> dict[Post | None, list[Any]]:
    """Return, for each post, the created incidents that belong to it, and for None those for which that is in doubt.

    A reply does not say which post an incident came from. It has the incidents in the order of the call, but pre-process
    rules may have dropped some, and two posts may have sent incidents that look alike. So match the created incidents to
    the sent ones in two ways: from the front, each to the first that fits, and from the back, each to the last that fits. If
    both find the same post, no other is possible; if they differ, the owner is in doubt.
    """
    # For example, posts A, B and C send the incidents x, y and x:
    #   reply    from the front    from the back    owners
    #   x, y     A, B              A, B             A, B
    #   x        A                 C                None
    #   y, x     B, C              B, C             B, C
    if len(posts) == 1:
        return {posts[0]: created}
    shares: dict[Post | None, list[Any]] = {}
    sent = [(post, incident) for post in posts for incident in post.incidents]
    for owner, incident in zip(unambiguous_owners(created, sent), created, strict=True):
        shares.setdefault(owner, []).append(incident)
    return shares


def unambiguous_owners(created: list[Any], sent: list[tuple[Any, dict[str, Any]]]) -> list[Any]:
    """Return the owner of each created incident, or None if that is in doubt (see shared_out).

    `sent` has the incidents of the call, each with its owner.
    """
    from_front = first_owners(created, sent)
    from_back = first_owners(created[::-1], sent[::-1])[::-1]
    return [front if front == back else None for front, back in zip(from_front, from_back, strict=True)]


def first_owners(created: list[Any], sent: list[tuple[Any, dict[str, Any]]]) -> list[Any]:
    """Return, for each created incident, the owner of the first sent incident that fits, or None if none fits.

    Each search continues behind the one before. So one that finds nothing leaves nothing for those after it: the reply is not in
    the order of the call then.
    """
    unmatched = iter(sent)  # one iterator for all searches
    return [next((owner for owner, incident in unmatched if matches(each, incident)), None) for each in created]


def matches(created: dict[str, Any], incident: dict[str, Any]) -> bool:
    """Return whether a created incident may be the one that was sent.

    Compare `rawJSON`, or the name if the reply has no `rawJSON`: many incidents can share a name, and a mapper may change it.
    """
    if created.get('rawJSON'):
        return bool(created['rawJSON'] == text_of_details(incident))
    return bool(created.get('name') == incident['name'])
