<?php
$DB = ['TYPE' => 'POSTGRESQL', 'SERVER' => getenv('ZABBIX_DATABASE'), 'PORT' => '0', 'DATABASE' => 'postgres',
       'USER' => 'postgres', 'PASSWORD' => '', 'SCHEMA' => '', 'ENCRYPTION' => false, 'VAULT' => ''];
$ZBX_SERVER = '127.0.0.1';
$ZBX_SERVER_PORT = getenv('ZABBIX_PORT');
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
