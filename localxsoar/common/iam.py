"""The commands of an integration for identity and access management: what every such integration does with its client."""
from typing import Any

import demistomock as demisto

from localxsoar.common.arguments import argToBoolean, safe_load_json
from localxsoar.common.base import EntryFormat, EntryType, get_integration_name
from localxsoar.common.markdown import tableToMarkdown


class IAMErrors:
    """Codes and texts of failures that no response of the remote system explains."""
    BAD_REQUEST = (400, 'Bad request - failed to perform operation')
    USER_DOES_NOT_EXIST = (404, 'User does not exist')


class IAMActions:
    """Actions on a user."""
    GET_USER = 'get'
    UPDATE_USER = 'update'
    CREATE_USER = 'create'
    DISABLE_USER = 'disable'
    ENABLE_USER = 'enable'


class IAMUserAppData:
    """A user as the remote system has it."""

    def __init__(self, user_id: Any, username: Any, is_active: Any, app_data: Any, email: Any = None) -> None:
        self.id = user_id
        self.username = username
        self.is_active = is_active
        self.full_data = app_data
        self.email = email


class IAMUserProfile:
    """A user as the server has it, and the result of an action on it."""
    INDICATOR_TYPE = 'User Profile'
    CREATE_INCIDENT_TYPE = 'User Profile - Create'
    UPDATE_INCIDENT_TYPE = 'User Profile - Update'
    DISABLE_INCIDENT_TYPE = 'User Profile - Disable'

    def __init__(self, user_profile: Any, user_profile_delta: Any = None) -> None:
        self._user_profile: dict[str, Any] = safe_load_json(user_profile)
        self.result: dict[str, Any] = {}

    def get_attribute(self, item: str, use_old_user_data: bool = False) -> Any:
        return self._user_profile.get(item)

    def map_object(self, mapper_name: Any, incident_type: str) -> Any:
        """Return the profile in the remote system's form, by an outgoing mapper."""
        return demisto.mapObject(self._user_profile, mapper_name, incident_type)

    def update_with_app_data(self, app_data: Any, mapper_name: Any, incident_type: Any = None) -> None:
        """Add a user of the remote system to the profile, by an incoming mapper."""
        data = app_data.full_data if isinstance(app_data, IAMUserAppData) else app_data
        self._user_profile.update(demisto.mapObject(data, mapper_name, incident_type or self.INDICATOR_TYPE) or {})

    def set_result(self, success: bool = True, active: Any = None, iden: Any = None, username: Any = None, email: Any = None,
                   error: Any = None, error_code: Any = None, error_message: Any = None, details: Any = None, skip: bool = False,
                   skip_reason: Any = None, action: Any = None, return_error: bool = False) -> None:
        """Keep the result of an action."""
        code, text = error or (error_code, error_message)
        self.result = {
            'brand': get_integration_name(), 'instanceName': demisto.callingContext.get('context', {}).get('IntegrationInstance'),
            'success': success, 'active': active, 'id': iden, 'username': username, 'email': email or self.get_attribute('email'),
            'errorCode': code, 'errorMessage': text, 'details': details, 'action': action,
            **({'skipped': True, 'reason': skip_reason} if skip else {})}

    def set_user(self, action: str, user: IAMUserAppData) -> None:
        """Keep the result of an action that succeeded."""
        self.set_result(action=action, active=user.is_active, iden=user.id, username=user.username, details=user.full_data)

    def to_entry(self) -> dict[str, Any]:
        """Return the result as an entry with outputs under IAM.Vendor."""
        title = f"{str(self.result.get('action') or '').title()} User Results ({self.result.get('brand')})"
        columns = ['brand', 'instanceName', 'success', 'active', 'id', 'username', 'email', 'errorCode', 'errorMessage', 'reason']
        return {'ContentsFormat': EntryFormat.JSON, 'Type': EntryType.NOTE, 'Contents': self.result,
                'EntryContext': {'IAM.UserProfile(val.email && val.email == obj.email)': self._user_profile,
                                 'IAM.Vendor(val.instanceName && val.instanceName == obj.instanceName && val.email == obj.email)':
                                     self.result},
                'HumanReadable': tableToMarkdown(title, self.result, columns, removeNull=True)}


class IAMCommand:
    """The commands on users, each of which takes the integration's client and the arguments, and returns a profile."""
    DISABLED = 'Command is disabled.'

    def __init__(self, is_create_enabled: Any = True, is_disable_enabled: Any = True, is_update_enabled: Any = True,
                 create_if_not_exists: Any = True, mapper_in: Any = None, mapper_out: Any = None, attr: str = 'email') -> None:
        self.is_create_enabled = is_create_enabled
        self.is_disable_enabled = is_disable_enabled
        self.is_update_enabled = is_update_enabled
        self.create_if_not_exists = create_if_not_exists
        self.mapper_in = mapper_in
        self.mapper_out = mapper_out
        self.attr = attr

    def _find(self, client: Any, profile: IAMUserProfile) -> Any:
        return client.get_user(profile.get_attribute(self.attr))

    def _skip(self, profile: IAMUserProfile, action: str, reason: str) -> IAMUserProfile:
        profile.set_result(action=action, skip=True, skip_reason=reason)
        return profile

    def _outgoing(self, profile: IAMUserProfile, incident_type: str) -> Any:
        return profile.map_object(self.mapper_out, incident_type)

    def get_user(self, client: Any, args: dict[str, Any]) -> IAMUserProfile:
        """Find the user in the remote system."""
        profile = IAMUserProfile(args['user-profile'])
        try:
            user = self._find(client, profile)
            if user is None:
                profile.set_result(action=IAMActions.GET_USER, success=False, error=IAMErrors.USER_DOES_NOT_EXIST)
            else:
                profile.update_with_app_data(user, self.mapper_in)
                profile.set_user(IAMActions.GET_USER, user)
        except Exception as error:
            client.handle_exception(profile, error, IAMActions.GET_USER)
        return profile

    def create_user(self, client: Any, args: dict[str, Any]) -> IAMUserProfile:
        """Create the user, or update it if it exists."""
        profile = IAMUserProfile(args['user-profile'])
        if not self.is_create_enabled:
            return self._skip(profile, IAMActions.CREATE_USER, self.DISABLED)
        try:
            if self._find(client, profile):
                return self.update_user(client, args)
            profile.set_user(IAMActions.CREATE_USER,
                             client.create_user(self._outgoing(profile, IAMUserProfile.CREATE_INCIDENT_TYPE)))
        except Exception as error:
            client.handle_exception(profile, error, IAMActions.CREATE_USER)
        return profile

    def update_user(self, client: Any, args: dict[str, Any]) -> IAMUserProfile:
        """Update the user, and enable it if `allow-enable` is true; create one that does not exist, if that is configured."""
        profile = IAMUserProfile(args['user-profile'])
        if not self.is_update_enabled:
            return self._skip(profile, IAMActions.UPDATE_USER, self.DISABLED)
        try:
            user = self._find(client, profile)
            if user is None:
                return self.create_user(client, args) if self.create_if_not_exists else self._skip(
                    profile, IAMActions.UPDATE_USER, IAMErrors.USER_DOES_NOT_EXIST[1])
            updated = client.update_user(user.id, self._outgoing(profile, IAMUserProfile.UPDATE_INCIDENT_TYPE))
            if argToBoolean(args.get('allow-enable', 'true')) and not user.is_active:
                updated = client.enable_user(user.id)
            profile.set_user(IAMActions.UPDATE_USER, updated)
        except Exception as error:
            client.handle_exception(profile, error, IAMActions.UPDATE_USER)
        return profile

    def disable_user(self, client: Any, args: dict[str, Any]) -> IAMUserProfile:
        """Disable the user, unless it is disabled already or does not exist."""
        profile = IAMUserProfile(args['user-profile'])
        if not self.is_disable_enabled:
            return self._skip(profile, IAMActions.DISABLE_USER, self.DISABLED)
        try:
            user = self._find(client, profile)
            if user is None:
                return self._skip(profile, IAMActions.DISABLE_USER, IAMErrors.USER_DOES_NOT_EXIST[1])
            profile.set_user(IAMActions.DISABLE_USER, client.disable_user(user.id) if user.is_active else user)
        except Exception as error:
            client.handle_exception(profile, error, IAMActions.DISABLE_USER)
        return profile
