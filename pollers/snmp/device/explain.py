"""Error texts for operators when a device does not answer: what happened, and what to check (pure)."""

from collections.abc import Collection


def no_answer(endpoint: str, tries: int, *, wrong_sources: Collection[str] = (), v3: bool = False) -> str:
    """Return the text for a device that is silent for no known reason."""
    return _silence(endpoint, "", tries, wrong_sources, v3=v3)


def no_credential_fits(
    endpoint: str, tries: int, *, tried: int, stored: int, wrong_sources: Collection[str] = (), v3: bool = False
) -> str:
    """Return the text for a device that answered none of the credentials that could be tried in time."""
    with_what = ""
    if stored > 1:
        with_what = f" with any of {stored} credentials"
    if tried < stored:
        with_what = f" with {tried} of {stored} credentials, for which the poll's time was enough,"
    return _silence(endpoint, with_what, tries, wrong_sources, v3=v3)


def _silence(endpoint: str, with_what: str, tries: int, wrong_sources: Collection[str], *, v3: bool) -> str:
    if wrong_sources:
        seen = ", ".join(sorted(wrong_sources)[:3])
        return (
            f"answers for {endpoint} came from another address ({seen}): a multihomed device or a proxy; "
            "poll that address, or set any_source = true"
        )
    asked = f"{tries} tries" if tries != 1 else "1 try"
    community = "" if v3 else ", or community refused"
    return (
        f"no answer from {endpoint}{with_what} in {asked}: "
        f"device down, filtered (ACL on the device, firewall on the way){community}"
    )


def no_retries_left(endpoint: str) -> str:
    return (
        f"no answer from {endpoint}, and no retry: this worker's retries are used up (retry_share), "
        "since many devices are silent: look for what they have in common"
    )


def deadline(endpoint: str, answers: int) -> str:
    """Return the text for a poll that ran out of time: device silent or slow."""
    if not answers:
        return f"no answer from {endpoint} within the poll's time: device down, filtered, or community refused"
    return (
        f"{endpoint} answered {answers} requests, then the poll's time was up: "
        "slow device, lossy path, or too short a deadline"
    )


def unreachable(endpoint: str, silent_s: float, next_probe_s: float) -> str:
    return (
        f"{endpoint} has been silent for {silent_s:.0f} s; not asked, the next probe goes out in {next_probe_s:.0f} s"
    )


def not_probed(endpoint: str, silent_s: float) -> str:
    return (
        f"{endpoint} has been silent for {silent_s:.0f} s; not asked in this poll, since as many silent devices "
        "were being probed as may be at a time (probes): look for what they have in common"
    )


def damaged(endpoint: str, what: str) -> str:
    return (
        f"{endpoint} answers with messages that cannot be read ({what}): "
        "its agent's software, or something on the way that changes packets"
    )


def cannot_send(endpoint: str, error: OSError) -> str:
    return (
        f"cannot send to {endpoint}: {error.strerror or error}: check the address and this host's routes and firewall"
    )


def cannot_resolve(endpoint: str, error: OSError) -> str:
    return f"the name of {endpoint} cannot be resolved ({error.strerror or error}): check the name and this host's DNS"


def no_credentials(site: str, device_id: str) -> str:
    return f"no SNMP credentials are stored for device {device_id}, for site {site}, or as default"


def no_sync(endpoint: str) -> str:
    return (
        f"{endpoint} keeps reporting another engine id, boots or time: check that no other device has its engine id "
        "or address, and that its clock runs"
    )


def silent_to_user(endpoint: str) -> str:
    return (
        f"{endpoint} tells its engine id but does not answer this v3 user: check the user's priv protocol and priv key "
        "(many agents are silent where they cannot decrypt), and the context's name"
    )
