"""Indicators: their types, their scores, and the classes of `Common`, which make the context that the standards ask for."""
import ipaddress
import re
from typing import Any

urlRegex = r'(?i)\b(?:(?:https?|hxxps?|ftps?)(?::|\[:\])//|www\.)[^\s"<>]+'


class DBotScoreType:
    """Types of an indicator in a DBotScore."""
    IP = 'ip'
    FILE = 'file'
    DOMAIN = 'domain'
    URL = 'url'
    CVE = 'cve'
    ACCOUNT = 'account'
    CIDR = 'cidr'
    DOMAINGLOB = 'domainglob'
    CERTIFICATE = 'certificate'
    CRYPTOCURRENCY = 'cryptocurrency'
    EMAIL = 'email'
    ATTACKPATTERN = 'attackpattern'
    CUSTOM = 'custom'


class DBotScoreReliability:
    """Reliabilities of a source."""
    A_PLUS = 'A+ - 3rd party enrichment'
    A = 'A - Completely reliable'
    B = 'B - Usually reliable'
    C = 'C - Fairly reliable'
    D = 'D - Not usually reliable'
    E = 'E - Unreliable'
    F = 'F - Reliability cannot be judged'

    @staticmethod
    def is_valid_type(value: Any) -> bool:
        return value in [text for name, text in vars(DBotScoreReliability).items() if len(name.partition('_')[0]) == 1]

    @staticmethod
    def get_dbot_score_reliability_from_str(reliability_str: str) -> str:
        """Return the reliability with this text. Raise Exception if there is none."""
        if not DBotScoreReliability.is_valid_type(reliability_str):
            raise Exception(f'{reliability_str!r} is not a reliability such as {DBotScoreReliability.A!r}.')
        return reliability_str


class FeedIndicatorType:
    """Types of the indicators that a feed creates."""
    Account = 'Account'
    AS = 'ASN'
    CIDR = 'CIDR'
    CVE = 'CVE'
    Domain = 'Domain'
    DomainGlob = 'DomainGlob'
    Email = 'Email'
    File = 'File'
    FQDN = 'Domain'
    Host = 'Host'
    IP = 'IP'
    IPv6 = 'IPv6'
    IPv6CIDR = 'IPv6CIDR'
    Malware = 'Malware'
    MUTEX = 'Mutex'
    Registry = 'Registry Key'
    SSDeep = 'ssdeep'
    URL = 'URL'

    @staticmethod
    def is_valid_type(_type: Any) -> bool:
        return _type in FeedIndicatorType.list_all_supported_indicators()

    @staticmethod
    def list_all_supported_indicators() -> list[str]:
        return [value for name, value in vars(FeedIndicatorType).items() if isinstance(value, str) and not name.startswith('_')]

    @staticmethod
    def indicator_type_by_server_version(indicator_type: str) -> str:
        """Return a type without the prefix `STIX ` that servers before 6.2 had."""
        return indicator_type.removeprefix('STIX ')


def scoreToReputation(score: Any) -> str:
    """Return the name of a score from 0 to 3."""
    return {1: 'Good', 2: 'Suspicious', 3: 'Bad', 0.5: 'Informational'}.get(score, 'Unknown')


class _Named(type):
    """A class with a value for each name in capitals: `make` of the name."""

    def __getattr__(cls, name: str) -> Any:
        if not name.isupper():
            raise AttributeError(name)
        return cls.make(name)


class ThreatIntel:
    """Names of the objects of threat intelligence."""

    class ObjectsNames(metaclass=_Named):
        @staticmethod
        def make(name: str) -> str:
            return name.replace('_', ' ').title()


class EntityRelationship:
    """A relationship between two indicators."""

    class Relationships(metaclass=_Named):
        @staticmethod
        def make(name: str) -> str:
            return name.lower().replace('_', '-')

    def __init__(self, name: str, entity_a: Any, entity_a_type: Any, entity_b: Any, entity_b_type: Any, reverse_name: str = '',
                 fields: Any = None, **others: Any) -> None:
        self.values = {'name': name, 'reverseName': reverse_name, 'entityA': entity_a, 'entityAType': entity_a_type,
                       'entityB': entity_b, 'entityBType': entity_b_type, 'fields': fields or {}}
        self.values |= {'type': others.get('relationship_type') or 'IndicatorToIndicator', 'entityAFamily': 'Indicator',
                        'entityBFamily': 'Indicator'}

    def to_entry(self) -> dict[str, Any]:
        return self.values

    def to_indicator(self) -> dict[str, Any]:
        return self.values

    def to_context(self) -> dict[str, Any]:
        names = {'Relationship': 'name', 'EntityA': 'entityA', 'EntityAType': 'entityAType', 'EntityB': 'entityB',
                 'EntityBType': 'entityBType'}
        return {name: self.values[key] for name, key in names.items()}


def is_ip_valid(s: str, accept_v6_ips: bool = False) -> bool:
    """Return whether a text is an IPv4 address or, with `accept_v6_ips`, an IPv6 address."""
    try:
        return ipaddress.ip_address(s).version == 4 or accept_v6_ips
    except ValueError:
        return False


def is_ipv6_valid(address: str) -> bool:
    return is_ip_valid(address, True) and not is_ip_valid(address)


def get_hash_type(hash_file: str) -> str:
    """Return `md5`, `sha1`, `sha256` or `sha512` by the length of a hash, or `Unknown`."""
    return {32: 'md5', 40: 'sha1', 64: 'sha256', 128: 'sha512'}.get(len(hash_file or ''), 'Unknown')


# The first pattern that matches the whole value decides; addresses are recognized before them.
_PATTERNS = (
    (FeedIndicatorType.CVE, r'(?i)cve-\d{4}-\d{4,7}'),
    (FeedIndicatorType.File, r'[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128}'),
    (FeedIndicatorType.URL, r'(?i)(?:https?|hxxps?|s?ftp)://\S+'),
    (FeedIndicatorType.Email, r'[\w.!#$%&\'*+/=?^`{|}~-]+@(?:[\w-]+\.)+[a-zA-Z]{2,}'),
    (FeedIndicatorType.DomainGlob, r'(?:[\w-]*\*[\w*-]*\.)+(?:[\w-]+\.)*[a-zA-Z]{2,}'),
    (FeedIndicatorType.Domain, r'(?:[\w-]+\.)+(?!exe$|dll$|txt$)[a-zA-Z]{2,}'),
)


def auto_detect_indicator_type(indicator_value: Any) -> Any:
    """Return the FeedIndicatorType of a value, or None if it looks like no indicator."""
    value = str(indicator_value or '').strip()
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return next((kind for kind, pattern in _PATTERNS if re.fullmatch(pattern, value)), None)
    is_range = '/' in value
    if network.version == 6:
        return FeedIndicatorType.IPv6CIDR if is_range else FeedIndicatorType.IPv6
    return FeedIndicatorType.CIDR if is_range else FeedIndicatorType.IP


def _set(place: dict[str, Any], path: str, value: Any) -> None:
    """Set the value under a path of keys that are joined by dots."""
    *folders, name = path.split('.')
    for folder in folders:
        place = place.setdefault(folder, {})
    place[name] = value


class Common:
    """The indicators of the context standards; each takes its value, its score and further fields by keyword."""

    class Indicator:
        """The base of the indicators. A subclass has a table of its arguments and of their paths in the context."""
        CONTEXT_PATH = ''
        FIELDS: dict[str, str] = {}
        SCORE_IS_FIRST = False

        def __init__(self, *args: Any, **fields: Any) -> None:
            """Take the value and the score, the rest by keyword. Raise TypeError for an unknown name."""
            names = list(self.FIELDS)
            names.insert(0 if self.SCORE_IS_FIRST else 1, 'dbot_score')
            given = dict(zip(names, args), **fields)  # noqa: B905
            if unknown := sorted(set(given) - set(names) - set(Common.MORE)):
                raise TypeError(f"The carried Common.{type(self).__name__} has no field {', '.join(unknown)}.")
            for name in names:
                setattr(self, name, given.get(name))
            self.more = {Common.MORE[name]: value for name, value in given.items() if name in Common.MORE}

        def to_context(self) -> dict[str, Any]:
            """Return the indicator and its score, each under its path in the context."""
            context: dict[str, Any] = {}
            for name, path in self.FIELDS.items():
                if getattr(self, name) is not None:
                    _set(context, path, getattr(self, name))
            context.update({path: value for path, value in self.more.items() if value})
            if related := self.more.get('FeedRelatedIndicators'):
                context['FeedRelatedIndicators'] = [getattr(each, 'context', each) for each in related]
            score = getattr(self, 'dbot_score', None)
            if score and score.score == Common.DBotScore.BAD:
                context['Malicious'] = {'Vendor': score.integration_name, 'Description': score.malicious_description}
            return {self.CONTEXT_PATH: context, **(score.to_context() if score else {})}

    # Fields that every indicator may have, and their names in the context.
    MORE = {'tags': 'Tags', 'malware_family': 'MalwareFamily', 'feed_related_indicators': 'FeedRelatedIndicators',
            'traffic_light_protocol': 'TrafficLightProtocol', 'community_notes': 'CommunityNotes', 'threat_types': 'ThreatTypes',
            'publications': 'Publications', 'campaign': 'Campaign', 'relationships': 'Relationships', 'stix_id': 'STIXID',
            'description': 'Description', 'actor': 'Actor', 'report': 'Report'}

    class FeedRelatedIndicators:
        """An indicator that belongs to another."""

        def __init__(self, value: Any = None, indicator_type: Any = None, description: Any = None) -> None:
            self.context = {'value': value, 'type': indicator_type, 'description': description}

        def to_context(self) -> dict[str, Any]:
            return self.context

    class DBotScore:
        """An indicator's score by one vendor."""
        NONE, GOOD, SUSPICIOUS, BAD = 0, 1, 2, 3
        CONTEXT_PATH = ('DBotScore(val.Indicator && val.Indicator == obj.Indicator && val.Vendor == obj.Vendor '
                        '&& val.Type == obj.Type)')
        CONTEXT_PATH_PRIOR_V5_5 = 'DBotScore'

        def __init__(self, indicator: Any, indicator_type: str, integration_name: str = '', score: Any = None,
                     malicious_description: Any = None, reliability: Any = None, message: Any = None) -> None:
            if score not in (self.NONE, self.GOOD, self.SUSPICIOUS, self.BAD):
                raise TypeError(f'{score!r} is not a score from 0 to 3.')
            if reliability and not DBotScoreReliability.is_valid_type(reliability):
                raise TypeError(f'{reliability!r} is not a reliability such as {DBotScoreReliability.A!r}.')
            self.indicator = indicator
            self.indicator_type = indicator_type
            self.integration_name = integration_name
            self.score = score
            self.malicious_description = malicious_description
            self.reliability = reliability
            self.message = message

        def to_context(self) -> dict[str, Any]:
            """Return the score under its path in the context."""
            score = {'Indicator': self.indicator, 'Type': self.indicator_type, 'Vendor': self.integration_name,
                     'Score': self.score}
            more = {'Reliability': self.reliability, 'Message': self.message}
            return {self.CONTEXT_PATH: {**score, **{key: value for key, value in more.items() if value}}}

    class IP(Indicator):
        CONTEXT_PATH = 'IP(val.Address && val.Address == obj.Address)'
        FIELDS = {'ip': 'Address', 'asn': 'ASN', 'as_owner': 'ASOwner', 'region': 'Region', 'port': 'Port',
                  'internal': 'Internal', 'updated_date': 'UpdatedDate', 'hostname': 'Hostname', 'geo_latitude': 'Geo.Latitude',
                  'geo_longitude': 'Geo.Longitude', 'geo_country': 'Geo.Country', 'geo_description': 'Geo.Description',
                  'detection_engines': 'DetectionEngines', 'positive_engines': 'PositiveDetections',
                  'organization_name': 'Organization.Name', 'organization_type': 'Organization.Type',
                  'registrar_abuse_name': 'Registrar.Abuse.Name', 'registrar_abuse_address': 'Registrar.Abuse.Address',
                  'registrar_abuse_country': 'Registrar.Abuse.Country', 'registrar_abuse_network': 'Registrar.Abuse.Network',
                  'registrar_abuse_phone': 'Registrar.Abuse.Phone', 'registrar_abuse_email': 'Registrar.Abuse.Email'}

        def to_context(self) -> dict[str, Any]:
            """Return the address; its latitude and longitude are one `Geo.Location`."""
            context = super().to_context()
            geo = context[self.CONTEXT_PATH].get('Geo', {})
            place = [geo.pop(name, None) for name in ('Latitude', 'Longitude')]
            if any(part is not None for part in place):
                geo['Location'] = ':'.join(str(part if part is not None else '') for part in place)
            return context

    class Domain(Indicator):
        CONTEXT_PATH = 'Domain(val.Name && val.Name == obj.Name)'
        FIELDS = {'domain': 'Name', 'dns': 'DNS', 'detection_engines': 'DetectionEngines',
                  'positive_detections': 'PositiveDetections', 'organization': 'Organization', 'sub_domains': 'Subdomains',
                  'creation_date': 'CreationDate', 'updated_date': 'UpdatedDate', 'expiration_date': 'ExpirationDate',
                  'domain_status': 'DomainStatus',
                  'name_servers': 'NameServers', 'registrar_name': 'Registrar.Name',
                  'registrar_abuse_email': 'Registrar.AbuseEmail', 'registrar_abuse_phone': 'Registrar.AbusePhone',
                  'registrant_name': 'Registrant.Name',
                  'registrant_email': 'Registrant.Email', 'registrant_phone': 'Registrant.Phone',
                  'registrant_country': 'Registrant.Country', 'admin_name': 'Admin.Name', 'admin_email': 'Admin.Email',
                  'admin_phone': 'Admin.Phone', 'admin_country': 'Admin.Country', 'geo_country': 'Geo.Country',
                  'category': 'Category', 'port': 'Port', 'internal': 'Internal'}
        # What the standards also want in one place, for the scripts that read WHOIS.
        OF_WHOIS = ('DomainStatus', 'NameServers', 'CreationDate', 'UpdatedDate', 'ExpirationDate', 'Registrant', 'Registrar',
                    'Admin')

        def to_context(self) -> dict[str, Any]:
            """Return the domain; its registration is repeated under `WHOIS`."""
            context = super().to_context()
            domain = context[self.CONTEXT_PATH]
            if whois := {name: domain[name] for name in self.OF_WHOIS if name in domain}:
                domain['WHOIS'] = whois
            return context

    class URL(Indicator):
        CONTEXT_PATH = 'URL(val.Data && val.Data == obj.Data)'
        FIELDS = {'url': 'Data', 'detection_engines': 'DetectionEngines', 'positive_detections': 'PositiveDetections',
                  'category': 'Category', 'asn': 'ASN', 'as_owner': 'ASOwner', 'geo_country': 'Geo.Country',
                  'organization': 'Organization', 'port': 'Port', 'internal': 'Internal'}

    class CVE(Indicator):
        CONTEXT_PATH = 'CVE(val.ID && val.ID == obj.ID)'
        FIELDS = {'id': 'ID', 'cvss': 'CVSS', 'published': 'Published', 'modified': 'Modified', 'description': 'Description',
                  'cvss_version': 'CVSSVersion', 'cvss_score': 'CVSSScore', 'cvss_vector': 'CVSSVector'}

        def __init__(self, id: Any, cvss: Any = None, published: Any = None, modified: Any = None, description: Any = None,
                     **fields: Any) -> None:
            """Take the id; the score, which no vendor gives, is 0 unless `dbot_score` is given."""
            fields.setdefault('dbot_score', Common.DBotScore(id, DBotScoreType.CVE, '', Common.DBotScore.NONE))
            super().__init__(id, cvss=cvss, published=published, modified=modified, description=description, **fields)

    class EMAIL(Indicator):
        CONTEXT_PATH = 'Email(val.Address && val.Address == obj.Address)'
        FIELDS = {'address': 'Address', 'domain': 'Domain', 'blocked': 'Blocked', 'internal': 'Internal'}

    class Account(Indicator):
        CONTEXT_PATH = 'Account(val.ID && val.ID == obj.ID)'
        FIELDS = {'id': 'ID', 'type': 'Type', 'username': 'Username', 'display_name': 'DisplayName', 'groups': 'Groups',
                  'domain': 'Domain', 'email_address': 'Email.Address', 'telephone_number': 'TelephoneNumber', 'office': 'Office',
                  'job_title': 'JobTitle', 'department': 'Department', 'country': 'Country', 'state': 'State', 'city': 'City',
                  'street': 'Street', 'is_enabled': 'IsEnabled'}

    class File(Indicator):
        CONTEXT_PATH = 'File(' + ' || '.join(f'val.{key} && val.{key} == obj.{key}' for key in
                                             ('MD5', 'SHA1', 'SHA256', 'SHA512', 'CRC32', 'CTPH', 'SSDeep')) + ')'
        SCORE_IS_FIRST = True
        FIELDS = {'name': 'Name', 'entry_id': 'EntryID', 'size': 'Size', 'md5': 'MD5', 'sha1': 'SHA1',
                  'sha256': 'SHA256', 'sha512': 'SHA512', 'ssdeep': 'SSDeep', 'extension': 'Extension', 'file_type': 'Type',
                  'hostname': 'Hostname', 'path': 'Path', 'company': 'Company', 'product_name': 'ProductName',
                  'digital_signature__publisher': 'DigitalSignature.Publisher', 'imphash': 'Imphash'}

    class Endpoint(Indicator):
        CONTEXT_PATH = 'Endpoint(val.ID && val.ID == obj.ID && val.Vendor == obj.Vendor)'
        FIELDS = {'id': 'ID', 'hostname': 'Hostname', 'ip_address': 'IPAddress', 'domain': 'Domain', 'mac_address': 'MACAddress',
                  'os': 'OS', 'os_version': 'OSVersion', 'dhcp_server': 'DHCPServer', 'bios_version': 'BIOSVersion',
                  'model': 'Model', 'memory': 'Memory', 'processors': 'Processors', 'processor': 'Processor',
                  'is_isolated': 'IsIsolated',
                  'status': 'Status', 'vendor': 'Vendor'}


# The paths in the context under which indicators join those of the same value.
outputPaths = {'email': 'Account.Email(val.Address && val.Address == obj.Address)', 'dbotscore': 'DBotScore', **{
    kind.__name__.lower(): kind.CONTEXT_PATH for kind in (Common.File, Common.IP, Common.URL, Common.Domain, Common.CVE)}}
