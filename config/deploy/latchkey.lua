-- Asks a Latchkey node about each request, for the configuration that "latchkey proxy haproxy" prints: HAProxy has no such
-- thing by itself. The question goes through HAProxy itself (a frontend and a backend on a socket of its own), which looks
-- after the nodes' health and asks the next one where one fails. Needs HAProxy 2.6 or later with Lua.
--
--   http-request lua.latchkey <names of identity headers, separated by commas>
--
-- 200: the identity headers are set on the request, or deleted where they are empty, and the variable txn.latchkey is "yes".
-- Everything else is the client's answer, and the request goes no further.
--
-- SPDX-License-Identifier: Apache-2.0

-- What goes with the question, and nothing else. The x-forwarded headers are those that the configuration has set.
local asked_with = {
	'x-forwarded-method', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-uri', 'x-forwarded-for',
	'cookie', 'accept', 'sec-fetch-mode', 'authorization', 'user-agent',
}

-- What the client gets of an answer that is no 200.
local told = { 'content-type', 'cache-control', 'vary', 'location', 'www-authenticate', 'retry-after', 'x-content-type-options' }

-- What a node says; anything else is HAProxy's own, where no node answered.
local known = { [303] = true, [401] = true, [403] = true, [429] = true, [503] = true }

local nobody_answered = '{"error":"unavailable","message":"This is not possible at the moment. Please try again."}\n'

-- Tables of HAProxy's begin with 0 in some releases, and with 1 in others.
local function values_of(headers, name)
	local list = {}
	local given = headers[name]
	if given ~= nil then
		for i = 0, #given do
			if given[i] ~= nil then table.insert(list, given[i]) end
		end
	end
	return list
end

local function refuse(txn, response)
	local status = response ~= nil and response.status or 0
	local is_a_nodes = known[status] and response.headers ~= nil and #values_of(response.headers, 'x-content-type-options') > 0
	if not is_a_nodes then
		local reply = txn:reply({ status = 503 })
		reply:add_header('content-type', 'application/json')
		reply:add_header('cache-control', 'no-store')
		reply:add_header('retry-after', '1')
		reply:set_body(nobody_answered)
		txn:done(reply)
		return
	end
	local reply = txn:reply({ status = status })
	for _, name in ipairs(told) do
		for _, value in ipairs(values_of(response.headers, name)) do reply:add_header(name, value) end
	end
	reply:set_body(response.body or '')
	txn:done(reply)
end

core.register_action('latchkey', { 'http-req' }, function(txn, names)
	local came = txn.http:req_get_headers()
	local headers = {}
	for _, name in ipairs(asked_with) do
		local values = values_of(came, name)
		if #values > 0 then headers[name] = values end
	end
	local asked, response = pcall(function()
		return core.httpclient():get({
			url = 'http://latchkey/forward-auth/haproxy',
			dst = 'abns@latchkey-asked',
			headers = headers,
			timeout = 15000,
		})
	end)
	if not asked or response == nil or response.status ~= 200 then
		refuse(txn, asked and response or nil)
		return
	end
	for name in string.gmatch(names, '[^,]+') do
		local values = values_of(response.headers, name)
		if #values == 1 and values[1] ~= '' then
			txn.http:req_set_header(name, values[1])
		else
			txn.http:req_del_header(name)
		end
	end
	txn:set_var('txn.latchkey', 'yes', false)
end, 1)
