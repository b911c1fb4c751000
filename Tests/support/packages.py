"""The programs that the tests of senders run, and the packages in which Debian has them."""

import os
import shutil
from pathlib import Path

PATH = f'{os.environ.get("PATH", "")}:/usr/sbin:/sbin'  # Debian's daemons are not on everybody's path
POSTGRES = Path('/usr/lib/postgresql')  # where Debian has the programs of each version of it
# By program: its packages, with those that its test takes beside it. A program that is not here has one of its own name.
PACKAGES = {
    **{name: name for name in ('borgmatic', 'clamdscan', 'curl', 'knockd', 'monit', 'npm', 'ntfy', 'prometheus-alertmanager',
                               'redis-server', 'rspamd', 'sec', 'snmptrapd', 'sshpass', 'suricata')},
    **dict.fromkeys(('fail2ban-client', 'fail2ban-server'), 'fail2ban'),
    **dict.fromkeys(('initdb', 'pg_ctl', 'postgres', 'psql'), 'postgresql'),
    'clamd': 'clamav-daemon', 'collectd': 'collectd-core libyajl2', 'icinga2': 'icinga2-bin', 'logger': 'bsdutils',
    'nagios4': 'nagios4-core', 'node': 'npm', 'php': 'php-bcmath php-cli php-curl php-gd php-mbstring php-pgsql php-xml',
    'rspamc': 'rspamd', 'rsyslogd': 'rsyslog', 'snmptrap': 'snmp', 'swatchdog': 'swatch',
    'syslog-ng': 'syslog-ng-core syslog-ng-mod-http', 'upsd': 'nut-server', 'upsrw': 'nut-client',
    'zabbix_server': 'zabbix-frontend-php zabbix-server-pgsql'}


def place_of(program: str) -> str:
    """Return where a program is, or ''."""
    own = sorted(map(str, POSTGRES.glob(f'*/bin/{program}')))
    return own[-1] if own else shutil.which(program, path=PATH) or ''


def packages_of(*programs: str) -> str:
    """Return the packages of Debian that have these programs."""
    return ' '.join(sorted({name for program in programs for name in PACKAGES.get(program, program).split()}))


def lacking() -> str:
    """Return which programs of senders are not installed, and what installs them, or ''."""
    programs = [program for program in PACKAGES if not place_of(program)]
    programs = [program for program in programs if program != 'rsyslogd']  # of it and syslog-ng Debian allows one
    return (f'These programs of senders are not installed: {", ".join(programs)}. On Debian this installs all of them: '
            f'apt-get install --no-install-recommends {packages_of(*programs)}') if programs else ''
