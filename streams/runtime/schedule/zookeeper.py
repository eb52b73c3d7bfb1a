"""Opens ZooKeeper sessions by the settings: TLS, and a user with private nodes."""

from kazoo.client import KazooClient
from kazoo.security import CREATOR_ALL_ACL

from streams.runtime.settings.sections import ZookeeperSettings


def session(zookeeper: ZookeeperSettings, **options: object) -> KazooClient:
    """Return an unconnected client."""
    if zookeeper.username:
        options["auth_data"] = [("digest", f"{zookeeper.username}:{zookeeper.password.reveal()}")]
        options["default_acl"] = CREATOR_ALL_ACL
    if zookeeper.tls:
        options |= {
            "use_ssl": True,
            "verify_certs": True,
            "check_hostname": True,
            "ca": zookeeper.ssl_ca_file or None,
            "certfile": zookeeper.ssl_certificate_file or None,
            "keyfile": zookeeper.ssl_key_file or None,
            "keyfile_password": zookeeper.ssl_key_password.reveal() or None,
        }
    return KazooClient(hosts=zookeeper.hosts, timeout=zookeeper.session_timeout_s, **options)
